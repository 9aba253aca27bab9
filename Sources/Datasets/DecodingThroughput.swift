import Foundation
import ImageCoding
import Records

/// The speed of preparing a model's input: reading, decoding, resizing, normalizing, batching.
package struct DecodingThroughput: Sendable, Codable {
  /// Pictures decoded.
  package let images: Int
  /// By the clock.
  package let seconds: Double
  /// CPU time of all threads together, which a busy machine hardly affects.
  package let processorSeconds: Double

  /// By the clock.
  package var imagesPerSecond: Double { Double(images) / seconds }

  /// Decodes all pictures of `dataset`, again and again until `minimumSeconds` have passed.
  ///
  /// Throws what ``BatchLoader/next()`` throws.
  package static func measure(
    _ dataset: any ImageDataset, preprocessing: Preprocessing, batchSize: Int = 32,
    threads: Int = BatchLoader.defaultThreads, minimumSeconds: Double = 1
  ) throws -> DecodingThroughput {
    let (start, processorStart) = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
    let normalization = PixelNormalization(preprocessing)
    var input = [Float](repeating: 0, count: batchSize * preprocessing.elementCount)
    var images = 0
    repeat {
      let loader = BatchLoader(
        dataset: dataset, preprocessing: preprocessing, batchSize: batchSize, threads: threads)
      while let batch = try loader.next() {
        input.withUnsafeMutableBufferPointer {
          normalization.apply(to: UnsafeBufferPointer(batch.pixels), into: $0)
        }
        images += batch.count
      }
    } while seconds(CLOCK_MONOTONIC) - start < minimumSeconds
    return DecodingThroughput(
      images: images, seconds: seconds(CLOCK_MONOTONIC) - start,
      processorSeconds: seconds(CLOCK_PROCESS_CPUTIME_ID) - processorStart)
  }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
