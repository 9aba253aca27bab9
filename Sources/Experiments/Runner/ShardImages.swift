import Datasets
import Foundation
import ImageCoding
import Measurement
import Records
import VisionModels

/// The decoded images of one shard, as 8-bit pixels.
final class ShardImages {
  private let pixels: UnsafeMutableBufferPointer<UInt8>
  private let normalization: PixelNormalization
  /// Positions in the data set.
  private(set) var indices: [Int] = []
  private(set) var labels: [Int] = []
  private(set) var skipped: [SkippedImage] = []
  /// Seconds that this process waited for images.
  private(set) var decodeSeconds = 0.0

  var count: Int { indices.count }

  /// Waits for all images of `loader`.
  ///
  /// - Throws: `ExperimentsError.badImage` if a bad image stops the run, `.interrupted`.
  init(
    _ loader: BatchLoader, capacity: Int, _ preprocessing: Preprocessing, context: RunContext
  ) throws {
    normalization = PixelNormalization(preprocessing)
    let size = preprocessing.elementCount
    pixels = .allocate(capacity: capacity * size)
    let start = context.stopwatch.now
    do {
      while let batch = try loader.next() {
        try context.checkStop()
        if let target = pixels.baseAddress, let source = batch.pixels.baseAddress {
          (target + count * size).update(from: source, count: batch.count * size)
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

  /// Classifies the images at positions of this shard; a device that normalizes pixels itself gets
  /// them unchanged.
  func run(_ range: Range<Int>, on pass: PassRunner) {
    let size = normalization.preprocessing.elementCount
    let bytes = UnsafeBufferPointer(
      rebasing: pixels[(range.lowerBound * size)..<(range.upperBound * size)])
    let keys = indices[range].map { UInt64($0) }
    keys.withUnsafeBufferPointer { keys in
      if pass.model.backend.normalizesPixels {
        normalization.table.withUnsafeBufferPointer {
          pass.run(pixels: bytes, normalizedBy: $0, imageKeys: keys.baseAddress)
        }
      } else {
        normalization.apply(to: bytes, into: pass.input)
        pass.run(imageKeys: keys.baseAddress)
      }
    }
  }
}
