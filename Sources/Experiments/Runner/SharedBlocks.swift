import Records
import Tensors
import TokenReduction
import VisionModels

/// The residual streams of a shard's images after the first blocks of a model, which all methods
/// that reduce nothing there have in common: computed once, by the pass that reduces last.
///
/// Later blocks read only the stream after a block, and a block's result does not depend on what
/// comes after it, so predictions are bit-identical to those of a separate pass.
final class SharedBlocks {
  /// The maximum memory for the streams of a shard, in bytes.
  static let mostBytes = 1 << 29

  /// Images of the shard.
  private let images: Int
  /// Streams by the number of blocks that computed them, each [images, N, C].
  private var streams: [Int: UnsafeMutableBufferPointer<Float>] = [:]
  private let wanted: Set<Int>
  /// Numbers of one image's stream.
  private var count = 0
  /// Whether every image is there.
  private(set) var isComplete = false

  /// `nil` if no method has a block in common with a pass that reduces nothing.
  init?(_ methods: [PlannedMethod], images: Int, imageBytes: Int) {
    let reducing = methods.filter { !$0.composition.steps.isEmpty }
    let blocks = reducing.map { $0.composition.unreducedBlocks }.filter { $0 > 0 }
    let all = Dictionary(grouping: blocks) { $0 }.mapValues(\.count)
    let room = imageBytes > 0 ? Self.mostBytes / max(1, images * imageBytes) : 0
    // If not all fit, those that save the most.
    let best = all.sorted { ($0.key * $0.value, $0.key) > ($1.key * $1.value, $1.key) }
    wanted = Set(best.prefix(room).map(\.key))
    self.images = images
    guard !wanted.isEmpty else { return nil }
  }

  deinit { for stream in streams.values { stream.deallocate() } }

  /// Keeps the streams of a pass whose first image is `start` of the shard.
  func watch(_ pass: PassRunner, from start: Int) {
    pass.onBlock = { [unowned self] block, stream in
      guard wanted.contains(block + 1) else { return }
      let size = stream.shape.count
      count = size / stream.shape[0]
      let target = streams[block + 1] ?? .allocate(capacity: images * count)
      streams[block + 1] = target
      pass.model.backend.download(
        stream,
        to: UnsafeMutableBufferPointer(rebasing: target[(start * count)..<(start * count + size)]))
    }
  }

  /// Every image has been watched.
  func finish() { isComplete = true }

  /// The block after which a method's pass on images of the shard can begin; `nil` if nothing is
  /// shared.
  func resumed(_ method: PlannedMethod, _ range: Range<Int>) -> ResumedStream? {
    let composition = method.composition
    guard isComplete, !composition.steps.isEmpty, let all = streams[composition.unreducedBlocks]
    else { return nil }
    return ResumedStream(
      blocks: composition.unreducedBlocks,
      values: UnsafeBufferPointer(
        rebasing: all[(range.lowerBound * count)..<(range.upperBound * count)]))
  }
}
