/// A color of 8 bits per channel.
package struct PixelColor: Hashable, Sendable {
  package let red: UInt8
  package let green: UInt8
  package let blue: UInt8

  /// The color that a style sheet would write `#rrggbb`.
  package init(_ hexadecimal: UInt32) {
    red = UInt8(hexadecimal >> 16 & 0xFF)
    green = UInt8(hexadecimal >> 8 & 0xFF)
    blue = UInt8(hexadecimal & 0xFF)
  }
}

/// A picture to draw on, in whole pixels; what lies outside of it is cut off.
package struct Canvas {
  /// What has been drawn.
  package private(set) var image: RGBImage

  /// A canvas of one color.
  package init(width: Int, height: Int, color: PixelColor) {
    image = RGBImage(
      width: width, height: height, pixels: [UInt8](repeating: 255, count: 3 * width * height))
    fill(PixelRect(x: 0, y: 0, width: width, height: height), color)
  }

  /// Lays a color over a rectangle; with an opacity below 1 what was there shines through.
  package mutating func fill(_ rect: PixelRect, _ color: PixelColor, opacity: Double = 1) {
    let visible = rect.clipped(width: image.width, height: image.height)
    for y in visible.rows {
      for x in visible.columns {
        let start = 3 * (y * image.width + x)
        for (channel, value) in [color.red, color.green, color.blue].enumerated() {
          let old = Double(image.pixels[start + channel])
          image.pixels[start + channel] = UInt8((old + (Double(value) - old) * opacity).rounded())
        }
      }
    }
  }

  /// Lays a frame of `thickness` pixels over the inner edge of a rectangle.
  package mutating func frame(_ rect: PixelRect, _ color: PixelColor, thickness: Int) {
    for edge in PixelRect.Edge.allCases {
      fill(rect.strip(along: edge, thickness: thickness), color)
    }
  }

  /// Copies a picture, each pixel to a square of `scale` by `scale`.
  package mutating func draw(_ picture: RGBImage, x left: Int, y top: Int, scale: Int) {
    let area = PixelRect(
      x: left, y: top, width: picture.width * scale, height: picture.height * scale)
    let visible = area.clipped(width: image.width, height: image.height)
    for y in visible.rows {
      for x in visible.columns {
        let from = 3 * ((y - top) / scale * picture.width + (x - left) / scale)
        let to = 3 * (y * image.width + x)
        for channel in 0..<3 { image.pixels[to + channel] = picture.pixels[from + channel] }
      }
    }
  }

  /// Writes a line of text with its upper left corner at a place.
  package mutating func write(
    _ text: String, x: Int, y: Int, scale: Int, color: PixelColor
  ) {
    var left = x
    for character in text {
      for (column, bits) in BitmapFont.columns(of: character).enumerated() {
        for row in 0..<BitmapFont.height where bits >> row & 1 == 1 {
          fill(
            PixelRect(x: left + column * scale, y: y + row * scale, width: scale, height: scale),
            color)
        }
      }
      left += BitmapFont.advance * scale
    }
  }
}

/// A rectangle of whole pixels.
package struct PixelRect: Hashable, Sendable {
  /// A side of a rectangle.
  package enum Edge: CaseIterable, Sendable { case top, left, bottom, right }

  package let x: Int
  package let y: Int
  package let width: Int
  package let height: Int

  package init(x: Int, y: Int, width: Int, height: Int) {
    self.x = x
    self.y = y
    self.width = max(0, width)
    self.height = max(0, height)
  }

  var rows: Range<Int> { y..<(y + height) }
  var columns: Range<Int> { x..<(x + width) }

  /// The part inside a picture of a size.
  func clipped(width limit: Int, height lowest: Int) -> PixelRect {
    let left = min(max(0, x), limit)
    let top = min(max(0, y), lowest)
    return PixelRect(
      x: left, y: top, width: min(limit, x + width) - left, height: min(lowest, y + height) - top)
  }

  /// The pixels along one side, inside the rectangle.
  func strip(along edge: Edge, thickness: Int) -> PixelRect {
    switch edge {
    case .top: PixelRect(x: x, y: y, width: width, height: thickness)
    case .left: PixelRect(x: x, y: y, width: thickness, height: height)
    case .bottom: PixelRect(x: x, y: y + height - thickness, width: width, height: thickness)
    case .right: PixelRect(x: x + width - thickness, y: y, width: thickness, height: height)
    }
  }
}
