/// A picture of 8 bits per channel.
package struct RGBImage: Sendable, Equatable {
  /// Pixels per row.
  package let width: Int
  /// Rows.
  package let height: Int
  /// `[height][width][3]`, red first.
  package var pixels: [UInt8]

  /// A picture of the given pixels.
  ///
  /// Shapes: pixels `[height][width][3]`.
  package init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0, "A picture has at least one pixel.")
    precondition(pixels.count == 3 * width * height, "A picture has three bytes per pixel.")
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}
