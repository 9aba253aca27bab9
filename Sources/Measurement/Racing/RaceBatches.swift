/// How the images of a race are divided into batches; the race is evaluated after each.
///
/// Batches are small at first, because most methods that lose do so early. They depend only on the
/// number of images, so they are the same whatever the results are.
package enum RaceBatches {
  /// The largest batch size, from that number of images on.
  private static let sizes = [
    (from: 0, size: 50), (from: 1000, size: 100), (from: 4000, size: 250),
  ]

  /// First image and image count of each batch.
  ///
  /// - Parameter most: The maximum number of images of a batch.
  package static func ranges(images: Int, most: Int = .max) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    while start < images {
      let size = min(sizes.last { $0.from <= start }?.size ?? 50, max(1, most))
      ranges.append(start..<min(start + size, images))
      start += size
    }
    return ranges
  }
}
