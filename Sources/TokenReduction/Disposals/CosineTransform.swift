import CKernels
import Foundation

/// DCT: the orthonormal cosine transform of the patch tokens is truncated to its low frequencies
/// and transformed back at the shorter length.
///
/// One matrix does both; a constant sequence grows by √(T/K), as published. Each new token is a
/// mixture of all tokens; drawings assign to it the tokens at its position in the sequence.
/// Differs: the published port rounds the tokens to half precision. Source: Wang et al., "Fourier
/// Transformer" family; as OpenToMe runs it.
package struct CosineTransform: TokenDisposal {
  package static let name = "cosine_transform"
  package static let summary = "keeps the low frequencies of the tokens' cosine transform"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var positions: [ReductionStep.Position] { [.afterBlock, .insideBlock, .beforeBlock] }

  /// [K, T]: the transform, cut, and the inverse of length K.
  package func constants(_ extent: StepExtent) -> [Float] {
    let (t, k) = (extent.patchesIn, extent.patchesOut)
    func basis(_ frequency: Int, _ place: Int, _ length: Int) -> Double {
      let norm =
        frequency == 0 ? (1 / Double(length)).squareRoot() : (2 / Double(length)).squareRoot()
      return norm * cos(Double.pi * Double(2 * place + 1) * Double(frequency) / Double(2 * length))
    }
    let forward = (0..<k).map { u in (0..<t).map { basis(u, $0, t) } }
    return (0..<k).flatMap { output in
      let inverse = (0..<k).map { basis($0, output, k) }
      return (0..<t).map { input in
        var sum = 0.0
        for u in 0..<k { sum += inverse[u] * forward[u][input] }
        return Float(sum)
      }
    }
  }

  package func scratchFloats(_ extent: StepExtent) -> Int {
    lab_packed_count(extent.width, extent.patchesIn)
  }

  package func reduce(_ image: ImageStep) {
    let (t, k) = (image.tokensIn - image.prefix, image.tokensOut - image.prefix)
    image.output.update(from: image.tokens, count: image.prefix * image.width)
    image.share(PackTokensWork(image: image)) { PackTokensWork.enter($0, $1) }
    image.share(MixWork(image: image)) { MixWork.enter($0, $1) }
    var list = image.list()
    for index in 0..<k {
      list.begin()
      for input in (index * t / k)..<((index + 1) * t / k) { list.add(image.prefix + input) }
    }
    list.end()
  }
}

/// Packs the patch tokens for a product from the left, by panels of features.
private struct PackTokensWork: ImageWork {
  let image: ImageStep

  var items: Int { lab_panels(image.width) }
  var grain: Int { 2 }

  func run(_ panels: Range<Int>) {
    let (patches, first) = (image.tokensIn - image.prefix, panels.lowerBound * lab_panel_width())
    let last = min(image.width, panels.upperBound * lab_panel_width())
    lab_pack_plain(
      image.token(image.prefix) + first, last - first, patches, image.width,
      image.scratch + first * patches)
  }
}

/// Some new tokens, each a mixture of all tokens: [K, T] times [T, C].
private struct MixWork: ImageWork {
  let image: ImageStep

  var items: Int { image.tokensOut - image.prefix }
  var grain: Int { 28 }

  func run(_ rows: Range<Int>) {
    let patches = image.tokensIn - image.prefix
    // If rows are a page apart, only few at once, because a larger product would copy them.
    let step = patches % 1024 == 0 ? 4 : rows.count
    for row in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
      lab_gemm(
        image.constants + row * patches, min(step, rows.upperBound - row), patches, image.scratch,
        image.width, patches, 0, lab_panels(image.width), lab_prefetch(), nil,
        Int32(LAB_EPILOGUE_NONE), image.output + (image.prefix + row) * image.width, image.width,
        nil)
    }
  }
}
