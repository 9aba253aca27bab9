import Tensors
import VisionModels

/// What became of each patch of one image, followed through the reductions of a pass.
package struct TokenFates: Hashable, Sendable {
  /// What became of a patch.
  package enum Fate: Hashable, Sendable {
    /// It is a token of its own.
    case kept
    /// It is part of a token of several patches, which is named by its first patch.
    case merged(into: Int)
    /// It is part of the token that holds what was not kept.
    case fused
    case dropped
  }

  /// The state after one reduction.
  package struct Step: Hashable, Sendable {
    package let block: Int
    /// Tokens that remain, prefix included.
    package let tokens: Int
    /// One for each patch, row by row.
    package let fates: [Fate]
  }

  package private(set) var steps: [Step] = []
  private let patches: Int
  /// The patches behind each present token; none behind a prefix token.
  private var groups: [[Int]]
  /// Patches that are part of a fused token, whatever becomes of it later.
  private var fused: Set<Int> = []

  package init(patches: Int, prefixTokens: Int) {
    self.patches = patches
    groups = Array(repeating: [], count: prefixTokens) + (0..<patches).map { [$0] }
  }

  /// Follows one reduction.
  ///
  /// - Parameters:
  ///   - block: The block that it belongs to.
  ///   - sources: The token indices behind each token that it leaves.
  ///   - merges: Whether tokens of several patches come of merging, and not of fusing the rest.
  package mutating func follow(block: Int, sources: [[Int]], merges: Bool) {
    groups = sources.map { members in members.flatMap { groups[$0] }.sorted() }
    var fates = [Fate](repeating: .dropped, count: patches)
    for (group, members) in zip(groups, sources) {
      // A token made of several in this step; one made of several before stays what it was.
      if members.count > 1, !merges { fused.formUnion(group) }
      for patch in group {
        if fused.contains(patch) {
          fates[patch] = .fused
        } else {
          fates[patch] = group.count == 1 ? .kept : .merged(into: group[0])
        }
      }
    }
    steps.append(Step(block: block, tokens: groups.count, fates: fates))
  }
}

extension TokenFates {
  /// The fates of the first image of a batch in one pass.
  package static func of(_ pass: ForwardPass) -> TokenFates {
    let architecture = pass.model.architecture
    var fates = TokenFates(
      patches: architecture.patches, prefixTokens: architecture.prefixTokens)
    let merges = pass.composition.disposal == .merge
    pass.onReduction = { event in
      fates.follow(
        block: event.step.block,
        sources: sources(of: event.assignment, backend: pass.model.backend), merges: merges)
    }
    defer { pass.onReduction = nil }
    pass.run()
    return fates
  }

  /// The token indices behind each token of the first image of an assignment.
  private static func sources(
    of assignment: TokenAssignment, backend: any Backend
  ) -> [[Int]] {
    func integers(_ tensor: Tensor) -> [Int] {
      var values = [Int32](repeating: 0, count: tensor.shape.count)
      values.withUnsafeMutableBufferPointer { backend.download(tensor, to: $0) }
      return values.map(Int.init)
    }
    let offsets = integers(assignment.offsets)
    let sources = integers(assignment.sources)
    return (0..<assignment.tokensOut).map { Array(sources[offsets[$0]..<offsets[$0 + 1]]) }
  }
}
