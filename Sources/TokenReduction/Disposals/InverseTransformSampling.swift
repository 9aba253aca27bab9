/// ATS: tokens are sampled at evenly spaced values of the cumulative score; an image keeps the
/// distinct ones.
///
/// At most `K = N' − 1`; missing tokens are padded with copies of the class token whose size
/// excludes them from attention. Steps are those of `arange(1/2K, (2K−1)/2K, 1/K)`. The published
/// code reduces attention's rows; the tokens are the same. Source: Fayyaz et al., "Adaptive Token
/// Sampling", arXiv:2111.15667; as `TokenReduction` runs it.
package struct InverseTransformSampling: TokenDisposal {
  package static let name = "inverse_transform"
  package static let summary =
    "samples the tokens where evenly spaced steps meet the cumulated scores; images keep fewer if they agree"

  /// K by step; by default, as many as the step's token counts allow.
  package let samples: [Int]

  package init(samples: [Int] = []) { self.samples = samples }
  package init(_ values: ParameterValues) { samples = [] }

  package var takesScore: Bool { true }
  package var tracksSizes: Bool { true }
  package var padsImages: Bool { true }

  /// A size whose logarithm excludes a token from attention.
  static let padding: Float = 1e-37

  package func stateFloats(_ geometry: TokenGeometry) -> Int { 1 }

  package func begin(_ image: ImageStep) {
    image.state[0] = Float(image.extent.geometry.patchTokens)
  }

  package func scratchFloats(_ extent: StepExtent) -> Int { extent.step.tokensIn }

  /// The number of steps of `arange` for K.
  static func count(_ k: Int) -> Int {
    let k = Double(k)
    return Int((((2 * k - 1) / (2 * k) - 1 / (2 * k)) / (1 / k)).rounded(.up))
  }

  package func reduce(_ image: ImageStep) {
    let present = Int(image.state[0])
    let sums = image.scratch
    var sum: Float = 0
    for patch in 0..<present {
      sum += image.scores[image.prefix + patch]
      sums[patch] = sum
    }
    let maximum = image.tokensOut - image.prefix
    let ordinal = image.extent.ordinal
    let k = Double(samples.indices.contains(ordinal) ? samples[ordinal] : maximum + 1)
    let isKept = image.integers
    isKept.update(repeating: 0, count: image.tokensIn)
    for index in 0..<min(Self.count(Int(k)), maximum) {
      let step = Float(1 / (2 * k) + Double(index) / k)
      var (best, minimum) = (0, Float.infinity)
      for patch in 0..<present {
        let distance = abs(step - sums[patch])
        if distance < minimum { (best, minimum) = (patch, distance) }
      }
      isKept[best] = 1
    }
    write(image, isKept, present: present)
  }

  private func write(_ image: ImageStep, _ isKept: UnsafePointer<Int32>, present: Int) {
    var list = image.list()
    var kept = image.prefix
    for patch in 0..<present where isKept[patch] != 0 {
      list.append(image.prefix + patch)
      kept += 1
    }
    for _ in kept..<image.tokensOut { list.begin() }
    list.end()
    for index in 0..<image.tokensOut {
      let source = index < kept ? Int(image.sources[Int(image.offsets[index])]) : 0
      (image.output + index * image.width).update(from: image.token(source), count: image.width)
      image.outputSizes?[index] = index < kept ? 1 : Self.padding
    }
    image.state[0] = Float(kept - image.prefix)
  }
}
