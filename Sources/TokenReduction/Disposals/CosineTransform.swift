import Foundation

/// DCT: the patch tokens' orthonormal cosine transform is cut to its low frequencies and
/// transformed back at the shorter length.
///
/// One matrix does both; a constant sequence grows by √(T/K), as published. Each new token is a
/// mixture of all; for pictures it stands for the tokens at its place in the sequence. Differs: the
/// published port rounds the tokens to half precision. Source: Wang et al., "Fourier Transformer"
/// family; as OpenToMe runs it.
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

  package func reduce(_ image: ImageStep) {
    let (t, k) = (image.tokensIn - image.prefix, image.tokensOut - image.prefix)
    image.output.update(from: image.tokens, count: image.prefix * image.width)
    var list = image.list()
    for index in 0..<k {
      let target = image.output + (image.prefix + index) * image.width
      target.update(repeating: 0, count: image.width)
      for input in 0..<t {
        add(
          image.constants[index * t + input], image.token(image.prefix + input), to: target,
          image.width)
      }
      list.begin()
      for input in (index * t / k)..<((index + 1) * t / k) { list.add(image.prefix + input) }
    }
    list.end()
  }
}
