import Tensors
import VisionModels

/// Compares two passes on one image: whether they keep, merge and drop the same tokens.
///
/// float32 sums in a different order differ in their last digits, so tokens with almost equal
/// scores may change places. Tokens are therefore compared as sets, by the input tokens that each
/// contains; their order matters only if it is not a near tie.
package struct TokenAgreement: Hashable, Sendable {
  /// Two scores closer than this, relative to the larger, are a near tie.
  package static let nearTie: Float = 1e-5

  /// One reduction of one image.
  package struct Step: Hashable, Sendable {
    /// [N' + 1] and [N], as a `TokenAssignment` holds them.
    package let offsets: [Int]
    package let sources: [Int]
    /// [N], where the method has a score per token.
    package let scores: [Float]?

    package init(offsets: [Int], sources: [Int], scores: [Float]?) {
      self.offsets = offsets
      self.sources = sources
      self.scores = scores
    }
  }

  /// Whether each reduction had the same tokens as the other pass, or differed only at near ties.
  package private(set) var hasSameTokens = true
  /// Whether the order of tokens is the same, except for near ties.
  package private(set) var hasSameOrder = true
  /// Places that near ties have exchanged.
  package private(set) var nearTies = 0
  /// Whether a near tie decided which token was kept: nothing after it can be compared.
  package private(set) var isUndecided = false

  /// The input tokens in each current token, in ascending order.
  private var ours: [[Int]] = []
  private var theirs: [[Int]] = []

  package init() {}

  /// Compares the next reduction of both passes; scores are the other pass's.
  package mutating func compare(_ our: Step, _ their: Step) {
    guard hasSameTokens, !isUndecided else { return }
    if ours.isEmpty {
      ours = our.sources.indices.map { [$0] }
      theirs = their.sources.indices.map { [$0] }
    }
    let (ourTokens, theirTokens) = (Self.tokens(ours, our), Self.tokens(theirs, their))
    let scores = their.scores.map { scores in
      Dictionary(zip(theirs, scores)) { first, _ in first }
    }
    if Set(ourTokens) == Set(theirTokens) {
      for (left, right) in zip(ourTokens, theirTokens) where left != right {
        if Self.isNearTie([left, right], scores) { nearTies += 1 } else { hasSameOrder = false }
      }
    } else {
      let kept = Self.kept(ours, our).symmetricDifference(Self.kept(theirs, their))
      if !kept.isEmpty, Self.isNearTie(Array(kept), scores) {
        isUndecided = true
        nearTies += 1
      } else {
        hasSameTokens = false
      }
    }
    ours = ourTokens
    theirs = theirTokens
  }

  /// The input tokens in each output token of a reduction.
  private static func tokens(_ before: [[Int]], _ step: Step) -> [[Int]] {
    zip(step.offsets, step.offsets.dropFirst()).map { first, end in
      step.sources[first..<end].flatMap { before[$0] }.sorted()
    }
  }

  /// Those that leave it as they came.
  private static func kept(_ before: [[Int]], _ step: Step) -> Set<[Int]> {
    Set(
      zip(step.offsets, step.offsets.dropFirst()).filter { $1 == $0 + 1 }.map { first, _ in
        before[step.sources[first]]
      })
  }

  private static func isNearTie(_ tokens: [[Int]], _ scores: [[Int]: Float]?) -> Bool {
    guard let scores else { return false }
    let found = tokens.compactMap { scores[$0] }
    guard found.count == tokens.count, let low = found.min(), let high = found.max() else {
      return false
    }
    return high - low <= nearTie * max(abs(low), abs(high))
  }
}

extension TokenAgreement.Step {
  /// The reduction of each image of a batch, copied from the device.
  package static func ofImages(_ event: ReductionEvent, _ backend: any Backend) -> [Self] {
    let assignment = event.assignment
    let (batch, n, out) = (assignment.batchSize, assignment.tokensIn, assignment.tokensOut)
    func integers(_ tensor: Tensor) -> [Int] {
      var values = [Int32](repeating: 0, count: tensor.shape.count)
      values.withUnsafeMutableBufferPointer { backend.download(tensor, to: $0) }
      return values.map(Int.init)
    }
    let (offsets, sources) = (integers(assignment.offsets), integers(assignment.sources))
    let scores = event.scores.map { tensor in
      var values = [Float](repeating: 0, count: tensor.shape.count)
      values.withUnsafeMutableBufferPointer { backend.download(tensor, to: $0) }
      return values
    }
    return (0..<batch).map { image in
      Self(
        offsets: Array(offsets[(image * (out + 1))..<((image + 1) * (out + 1))]),
        sources: Array(sources[(image * n)..<((image + 1) * n)]),
        scores: scores.map { Array($0[(image * n)..<((image + 1) * n)]) })
    }
  }
}
