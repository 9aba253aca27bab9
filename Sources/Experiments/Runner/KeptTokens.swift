import Support
import Tensors
import VisionModels

/// Digests of the patches that each image's reductions keep and merge, for finding images where
/// another precision chooses other tokens.
final class KeptTokens {
  /// One per image so far; `nil` if nothing was reduced or observed.
  var digests: [UInt32]? { finished.isEmpty ? nil : finished }

  private var finished: [UInt32] = []
  /// The digests of the current batch, over the reductions so far.
  private var current: [UInt64] = []
  /// For each of them and each token that is left a sum over the patches behind it, so that it is
  /// known wherever a reduction puts it.
  private var tokens: [[UInt64]] = []

  /// Observes a pass on a CPU; on a GPU, observing would prevent capturing the pass.
  func watch(_ pass: PassRunner) {
    guard pass.model.backend.threads > 0 else { return }
    pass.onReduction = { [unowned self] event in add(event.assignment) }
  }

  /// Ends a batch, whose images are now known.
  func finishBatch() {
    finished += current.map { UInt32(truncatingIfNeeded: $0 ^ ($0 >> 32)) }
    current.removeAll(keepingCapacity: true)
    tokens.removeAll(keepingCapacity: true)
  }

  /// Takes the next reduction of the current batch.
  func add(_ assignment: TokenAssignment) {
    let (before, after) = (assignment.tokensIn, assignment.tokensOut)
    if current.isEmpty {
      current = [UInt64](repeating: 0, count: assignment.batchSize)
      let patches = (0..<before).map { SplitMix64.mix(UInt64($0) &+ 1) }
      tokens = .init(repeating: patches, count: assignment.batchSize)
    }
    for image in current.indices {
      let offsets = assignment.offsets.integers + image * (after + 1)
      let sources = assignment.sources.integers + image * before
      var digest: UInt64 = 0
      tokens[image] = (0..<after).map { output in
        var patches: UInt64 = 0
        for index in offsets[output]..<offsets[output + 1] {
          patches &+= tokens[image][Int(sources[Int(index)])]
        }
        digest &+= SplitMix64.mix(patches)
        return patches
      }
      current[image] = SplitMix64.mix(current[image] &+ digest)
    }
  }
}
