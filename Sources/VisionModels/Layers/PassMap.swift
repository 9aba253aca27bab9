import Tensors

/// A feature map of a pass while it is built; its memory serves others once nothing holds it.
package struct PassMap {
  let map: FeatureMap
  private let lease: MemoryPool.Lease

  init(_ map: FeatureMap, _ lease: MemoryPool.Lease) {
    self.map = map
    self.lease = lease
  }

  var height: Int { map.height }
  var width: Int { map.width }
  var channels: Int { map.channels }

  /// Some of the channels, in the same memory.
  func channels(_ range: Range<Int>) -> PassMap { PassMap(map.channels(range), lease) }

  /// The same memory in another shape of as many numbers; only where channels are dense.
  func reshaped(batch: Int, height: Int, width: Int, channels: Int) -> PassMap {
    precondition(
      map.pixelStride == map.channels && batch * height * width * channels == map.count,
      "a view of another size")
    return PassMap(
      FeatureMap(
        map.tensor, offset: map.offset, batch: batch, height: height, width: width,
        channels: channels), lease)
  }

  /// All of it as a tensor [batch, pixels, channels]; only where it is dense from its beginning.
  var tensor: Tensor {
    precondition(map.offset == 0 && map.pixelStride == map.channels, "a view is no tensor")
    return map.tensor.view(Shape(map.batch, map.pixels, map.channels))
  }

  /// Heads of `dim` channels that begin at a channel, `stride` channels apart.
  func heads(from channel: Int = 0, _ count: Int, dim: Int, stride: Int? = nil) -> HeadView {
    HeadView(
      map.tensor, offset: map.offset + channel, batch: map.batch, tokens: map.pixels,
      heads: count, headDim: dim, headStride: stride ?? dim, tokenStride: map.pixelStride)
  }
}

/// Memory of a pass that its operations share, one after the other.
final class MemoryPool {
  /// Holds a tensor; it can be had again when the last copy is gone.
  final class Lease {
    fileprivate let tensor: Tensor
    private let pool: MemoryPool

    fileprivate init(_ tensor: Tensor, _ pool: MemoryPool) {
      self.tensor = tensor
      self.pool = pool
    }

    deinit { pool.free.append(tensor) }
  }

  private let device: any Backend
  private var free: [Tensor] = []

  init(_ device: any Backend) { self.device = device }

  /// The smallest free memory that is large enough, and of several the one last used, which caches
  /// may still hold; else new memory.
  func lease(_ count: Int) throws -> (tensor: Tensor, lease: Lease) {
    var best: Int?
    for index in free.indices where free[index].capacity >= count {
      if best.map({ free[index].capacity <= free[$0].capacity }) ?? true { best = index }
    }
    let tensor =
      try best.map { free.remove(at: $0) }
      ?? device.allocate(Shape(count), device.activationType)
    return (tensor, Lease(tensor, self))
  }
}
