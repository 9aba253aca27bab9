/// How the images of a race are cut into batches, after each of which it is looked at.
///
/// Small at first, since most methods that lose lose soon; set by the number of images alone, so
/// that the batches are the same whatever the results are.
package enum RaceBatches {
  /// The largest batch, from so many images on.
  private static let sizes = [
    (from: 0, size: 50), (from: 1000, size: 100), (from: 4000, size: 250),
  ]

  /// First image and image count of each batch.
  ///
  /// - Parameter most: Images that one batch may have at most.
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
