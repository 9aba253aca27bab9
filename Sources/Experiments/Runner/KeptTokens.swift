import Support
import Tensors
import VisionModels

/// Digests of the tokens that each image's reductions keep and merge, for finding images where
/// another precision chooses other tokens.
final class KeptTokens {
  /// One per image so far; `nil` if nothing was reduced or observed.
  var digests: [UInt32]? { finished.isEmpty ? nil : finished }

  private var finished: [UInt32] = []
  /// The digests of the current batch, over the reductions so far.
  private var current: [UInt64] = []

  /// Observes a pass on a CPU; on a GPU, observing would prevent capturing the pass.
  func watch(_ pass: PassRunner) {
    guard pass.model.backend.threads > 0 else { return }
    pass.onReduction = { [unowned self] event in add(event.assignment) }
  }

  /// Ends a batch, whose images are now known.
  func finishBatch() {
    finished += current.map { UInt32(truncatingIfNeeded: $0 ^ ($0 >> 32)) }
    current.removeAll(keepingCapacity: true)
  }

  private func add(_ assignment: TokenAssignment) {
    let (tokens, outputs) = (assignment.tokensIn, assignment.tokensOut)
    if current.isEmpty {
      current = [UInt64](repeating: 0, count: assignment.batchSize)
    }
    for image in current.indices {
      let offsets = assignment.offsets.integers + image * (outputs + 1)
      let sources = assignment.sources.integers + image * tokens
      current[image] = SplitMix64.mix(
        current[image] &+ Self.digest(offsets, sources, outputs: outputs))
    }
  }

  /// The sum over the outputs of a digest of each one's sources, which is independent of both
  /// orders.
  private static func digest(
    _ offsets: UnsafePointer<Int32>, _ sources: UnsafePointer<Int32>, outputs: Int
  ) -> UInt64 {
    var sum: UInt64 = 0
    for output in 0..<outputs {
      var own: UInt64 = 0
      for index in offsets[output]..<offsets[output + 1] {
        own &+= SplitMix64.mix(UInt64(sources[Int(index)]) &+ 1)
      }
      sum &+= SplitMix64.mix(own)
    }
    return sum
  }
}
