/// A square RGB picture that is painted in integer arithmetic.
struct DemoCanvas {
  /// Interleaved RGB bytes, row by row.
  private(set) var pixels: [UInt8]
  let side: Int

  init(side: Int) {
    self.side = side
    pixels = [UInt8](repeating: 0, count: side * side * 3)
  }

  /// Paints the ground from the color that `color` gives for each pixel.
  @inline(__always)
  mutating func fill(_ color: (_ x: Int, _ y: Int) -> DemoColor) {
    let side = side
    pixels.withUnsafeMutableBufferPointer { pixels in
      var offset = 0
      for y in 0..<side {
        for x in 0..<side {
          let color = color(x, y)
          pixels[offset] = UInt8(truncatingIfNeeded: color.red)
          pixels[offset + 1] = UInt8(truncatingIfNeeded: color.green)
          pixels[offset + 2] = UInt8(truncatingIfNeeded: color.blue)
          offset += 3
        }
      }
    }
  }

  /// Paints a rotated form, each pixel blended by how many of its 2 × 2 samples lie in the form.
  ///
  /// `color` is asked with the sample's place relative to the center in the form's own, rotated
  /// axes, in 1/64 of a pixel, and answers nil outside the form.
  ///
  /// - Parameters:
  ///   - centerX: The center's column, the middle of that pixel.
  ///   - centerY: The center's row.
  ///   - reach: The largest distance of a painted pixel from the center.
  ///   - angle: The rotation in 1/1024 of a turn.
  @inline(__always)
  mutating func paint(
    centerX: Int, centerY: Int, reach: Int, angle: Int,
    _ color: (_ u: Int, _ v: Int) -> DemoColor?
  ) {
    let side = side
    let cosine = DemoTrigonometry.cosine(angle)
    let sine = DemoTrigonometry.sine(angle)
    // From quarters of a pixel times 2^14 to 1/64 of a pixel.
    let shift = DemoTrigonometry.scaleBits - 4
    pixels.withUnsafeMutableBufferPointer { pixels in
      for y in max(0, centerY - reach)...min(side - 1, centerY + reach) {
        for x in max(0, centerX - reach)...min(side - 1, centerX + reach) {
          var covered = 0
          var red = 0
          var green = 0
          var blue = 0
          for sample in 0..<4 {
            let dx = 4 * (x - centerX) + 2 * (sample & 1) - 1
            let dy = 4 * (y - centerY) + (sample & 2) - 1
            let u = (dx * cosine + dy * sine) >> shift
            let v = (dy * cosine - dx * sine) >> shift
            if let color = color(u, v) {
              covered += 1
              red += color.red
              green += color.green
              blue += color.blue
            }
          }
          if covered > 0 {
            let offset = (y * side + x) * 3
            let rest = 4 - covered
            pixels[offset] = UInt8((red + rest * Int(pixels[offset]) + 2) >> 2)
            pixels[offset + 1] = UInt8((green + rest * Int(pixels[offset + 1]) + 2) >> 2)
            pixels[offset + 2] = UInt8((blue + rest * Int(pixels[offset + 2]) + 2) >> 2)
          }
        }
      }
    }
  }
}
