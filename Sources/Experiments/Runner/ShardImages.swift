import Datasets
import Foundation
import ImageCoding
import Measurement
import Records

/// The decoded images of one shard.
final class ShardImages {
  private let pixels: UnsafeMutableBufferPointer<Float>
  private let imageFloats: Int
  /// Positions in the data set.
  private(set) var indices: [Int] = []
  private(set) var labels: [Int] = []
  private(set) var skipped: [SkippedImage] = []
  /// Seconds that this process waited for images.
  private(set) var decodeSeconds = 0.0

  var count: Int { indices.count }

  /// Waits for all images of `loader`.
  ///
  /// Errors: `ExperimentsError.badImage` where a bad image stops the run, `.interrupted`.
  init(
    _ loader: BatchLoader, capacity: Int, _ preprocessing: Preprocessing, context: RunContext
  ) throws {
    imageFloats = preprocessing.elementCount
    pixels = .allocate(capacity: capacity * imageFloats)
    let start = context.stopwatch.now
    do {
      while let batch = try loader.next() {
        try context.checkStop()
        let floats = batch.count * imageFloats
        if let target = pixels.baseAddress, let source = batch.pixels.baseAddress {
          (target + count * imageFloats).update(from: source, count: floats)
        }
        indices += batch.indices
        labels += batch.labels
        for bad in batch.bad {
          skipped.append(SkippedImage(path: bad.path, reason: bad.reason))
          context.listener.note("left out: \(bad.path) \(bad.reason)")
        }
      }
    } catch let error as DatasetError {
      throw ExperimentsError.badImage(message: "\(error)")
    }
    decodeSeconds = (context.stopwatch.now - start).inSeconds
  }

  deinit { pixels.deallocate() }

  /// Copies the images at positions of this shard, NCHW.
  func copy(_ range: Range<Int>, into input: UnsafeMutableBufferPointer<Float>) {
    guard let source = pixels.baseAddress else { return }
    input.baseAddress?.update(
      from: source + range.lowerBound * imageFloats, count: range.count * imageFloats)
  }
}
