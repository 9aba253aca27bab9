import CKernels
import Tensors

/// One image at one step, in host memory: the operands of scores and disposals.
///
/// N tokens come in and N' leave; the first `prefixTokens` of both are special, and stay in place.
/// Nothing here allocates. Long computations are divided among `workers` (`ImageWork`).
package struct ImageStep {
  package let extent: StepExtent
  /// The seed for random values, independent of the rest of the batch.
  package var key: UInt64 = 0

  /// [N, C].
  package var tokens: UnsafePointer<Float>
  /// [N, 3C].
  package var projections: UnsafePointer<Float>?
  /// [N].
  package var classAttention: UnsafePointer<Float>?
  /// [N].
  package var received: UnsafePointer<Float>?
  /// [H, N, N].
  package var map: UnsafeMutablePointer<Float>?
  /// The tokens before the MLP, [N, C].
  package var beforeBranch: UnsafePointer<Float>?
  /// The number of patches in each token, [N]; `nil` means one each.
  package var sizes: UnsafePointer<Float>?
  /// Whether attention adds the logarithm of the sizes to its logits.
  package var sizesInAttention = false
  /// [N].
  package var scores: UnsafeMutablePointer<Float>
  /// [N', C].
  package var output: UnsafeMutablePointer<Float>
  /// [N'].
  package var outputSizes: UnsafeMutablePointer<Float>?
  /// [H, N', N'], of a step inside attention.
  package var outputMap: UnsafeMutablePointer<Float>?
  /// [N' + 1] and [N].
  package var offsets: UnsafeMutablePointer<Int32>
  package var sources: UnsafeMutablePointer<Int32>

  /// Tensors and numbers of the score and the disposal, one after the other.
  package var constants: UnsafePointer<Float>
  package var state: UnsafeMutablePointer<Float>
  /// Scratch memory of the disposal, after that of the score.
  package var scratch: UnsafeMutablePointer<Float>
  /// `integersPerToken` for each token: eight are free for use, the others are for sorting.
  package var integers: UnsafeMutablePointer<Int32>
  /// The threads that help.
  package var workers = HostWorkers.alone

  package static let integersPerToken = 12

  package init(
    extent: StepExtent, tokens: UnsafePointer<Float>, scores: UnsafeMutablePointer<Float>,
    output: UnsafeMutablePointer<Float>, offsets: UnsafeMutablePointer<Int32>,
    sources: UnsafeMutablePointer<Int32>, constants: UnsafePointer<Float>,
    state: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    integers: UnsafeMutablePointer<Int32>
  ) {
    self.extent = extent
    self.tokens = tokens
    self.scores = scores
    self.output = output
    self.offsets = offsets
    self.sources = sources
    self.constants = constants
    self.state = state
    self.scratch = scratch
    self.integers = integers
  }

  package var tokensIn: Int { extent.step.tokensIn }
  package var tokensOut: Int { extent.step.tokensOut }
  package var prefix: Int { extent.prefixTokens }
  package var width: Int { extent.width }
  package var heads: Int { extent.heads }
  package var headDim: Int { extent.headDim }

  package func token(_ index: Int) -> UnsafePointer<Float> { tokens + index * width }
  package func size(_ index: Int) -> Float { sizes?[index] ?? 1 }

  /// Queries, keys or values of a token, all heads.
  package func feature(_ feature: AttentionFeature, _ token: Int) -> UnsafePointer<Float> {
    // Requires that the caller's inputs include projections.
    projections.unsafelyUnwrapped + token * 3 * width + feature.rawValue * width
  }

  /// Patch tokens by descending score, ties by the lower index, into [N − P] of `order`.
  package func rankPatches(into order: UnsafeMutablePointer<Int32>) {
    rank(scores, count: tokensIn - prefix, from: prefix, into: order)
  }

  /// The indices `first ..< first + count` by descending value, ties by the lower index; what is
  /// not a number comes last.
  func rank(
    _ values: UnsafePointer<Float>, count: Int, from first: Int,
    into order: UnsafeMutablePointer<Int32>
  ) {
    let keys = UnsafeMutableRawPointer(integers + 8 * tokensIn)
    lab_argsort_descending(
      values + first, count, keys.assumingMemoryBound(to: UInt64.self), order)
    if first > 0 {
      for index in 0..<count { order[index] += Int32(first) }
    }
  }

  /// An empty list of the sources of each new token.
  package func list() -> SourceList { SourceList(self) }
}

/// Writes the sources of each new token of one image.
package struct SourceList {
  private let offsets: UnsafeMutablePointer<Int32>
  private let sources: UnsafeMutablePointer<Int32>
  private let tokensIn: Int
  private let isUsed: UnsafeMutablePointer<Int32>
  private var outputs = 0
  private var count = 0

  init(_ image: ImageStep) {
    offsets = image.offsets
    sources = image.sources
    tokensIn = image.tokensIn
    // The last of the integers that every step has.
    isUsed = image.integers + 7 * image.tokensIn
    isUsed.update(repeating: 0, count: tokensIn)
    for token in 0..<image.prefix { append(token) }
  }

  /// Starts the next output.
  package mutating func begin() {
    offsets[outputs] = Int32(count)
    outputs += 1
  }

  /// Adds a source to the current output; a token belongs to only one output.
  package mutating func add(_ token: Int) {
    precondition(isUsed[token] == 0, "a token of two outputs")
    sources[count] = Int32(token)
    isUsed[token] = 1
    count += 1
  }

  /// Starts the next output with this token as its first source.
  package mutating func append(_ token: Int) {
    begin()
    add(token)
  }

  /// Appends the tokens that belong to no output.
  package mutating func end() {
    offsets[outputs] = Int32(count)
    for token in 0..<tokensIn where isUsed[token] == 0 {
      sources[count] = Int32(token)
      count += 1
    }
  }
}
