import Tensors
import TokenReduction

/// What happens to every patch of one image, reduction by reduction.
///
/// Every current token has the set of patches that it contains, so that methods that reduce at
/// several blocks can be followed to the end. It depends only on the given assignments.
package struct TokenTrace: Hashable, Sendable {
  /// The state of a patch.
  package enum Fate: Hashable, Sendable {
    /// It is a separate token.
    case kept
    /// It was merged with other patches; the group is identified by its first patch.
    case merged(group: Int)
    /// It is part of a token fused from patches that were not kept.
    case fused
    /// It was dropped.
    case dropped
  }

  /// The state after one reduction.
  package struct Stage: Hashable, Sendable {
    package let step: ReductionStep
    /// One for each patch, row by row.
    package let fates: [Fate]
  }

  package private(set) var stages: [Stage] = []

  private struct Token: Hashable {
    /// Ascending; empty for a prefix token.
    var patches: [Int]
    var isFused = false
  }

  private let patchCount: Int
  private let fuses: Bool
  private var tokens: [Token]

  /// A trace in which nothing has been reduced yet.
  package init(geometry: TokenGeometry, disposal: any TokenDisposal) {
    patchCount = geometry.patchTokens
    fuses = disposal.extraTokens > 0
    tokens =
      Array(repeating: Token(patches: []), count: geometry.prefixTokens)
      + (0..<geometry.patchTokens).map { Token(patches: [$0]) }
  }

  /// Applies one reduction.
  ///
  /// Shapes: `offsets` [N' + 1] and `sources` [N], of one image of a `TokenAssignment`; indices are
  /// those of the step's input tokens, prefix first.
  package mutating func apply(_ step: ReductionStep, offsets: [Int], sources: [Int]) {
    precondition(
      offsets.count == step.tokensOut + 1 && tokens.count == step.tokensIn,
      "an assignment of another step")
    tokens = (0..<step.tokensOut).map { output in
      let members = sources[offsets[output]..<offsets[output + 1]].map { tokens[$0] }
      return Token(
        patches: members.flatMap(\.patches).sorted(),
        isFused: members.contains { $0.isFused } || fuses && members.count > 1)
    }
    var fates = [Fate](repeating: .dropped, count: patchCount)
    for token in tokens {
      for patch in token.patches {
        fates[patch] =
          token.isFused
          ? .fused : token.patches.count > 1 ? .merged(group: token.patches[0]) : .kept
      }
    }
    stages.append(Stage(step: step, fates: fates))
  }
}

extension PassRunner {
  /// As `run`, and also traces the patches of the first image.
  package func runTracing(imageKeys: UnsafePointer<UInt64>? = nil) -> TokenTrace {
    var trace = TokenTrace(geometry: composition.geometry, disposal: composition.disposal)
    let backend = model.backend
    func integers(_ tensor: Tensor, _ count: Int) -> [Int] {
      var values = [Int32](repeating: 0, count: count)
      values.withUnsafeMutableBufferPointer { backend.download(tensor, to: $0) }
      return values.map(Int.init)
    }
    let listener = onReduction
    onReduction = { event in
      listener?(event)
      trace.apply(
        event.step, offsets: integers(event.assignment.offsets, event.step.tokensOut + 1),
        sources: integers(event.assignment.sources, event.step.tokensIn))
    }
    defer { onReduction = listener }
    run(imageKeys: imageKeys)
    return trace
  }
}
