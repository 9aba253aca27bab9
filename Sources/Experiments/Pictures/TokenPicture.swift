import ImageCoding

/// Draws what became of the patches of an image.
///
/// Kept patches are shown as they are. Dropped ones are faded to a light grey, fused ones to blue; the patches of a merged
/// token take their mean colour and lose the lines between them.
package struct TokenPicture {
  /// The image that the model saw, square.
  private let image: RGBImage
  /// Patches along a side.
  private let grid: Int
  /// Pixels of the picture for a pixel of the image.
  private let scale: Int

  private static let smallestSide = 480
  private static let dropped = SIMD3<Double>(236, 236, 236)
  private static let fused = SIMD3<Double>(86, 156, 214)
  private static let line = SIMD3<Double>(255, 255, 255)
  /// How much of a faded patch's own colour is left.
  private static let left = 0.15

  package init(image: RGBImage, grid: Int) {
    precondition(image.width == image.height && image.width % grid == 0, "patches fill the image")
    self.image = image
    self.grid = grid
    scale = max(1, (Self.smallestSide + image.width - 1) / image.width)
  }

  /// The picture of one reduction.
  package func picture(_ step: TokenFates.Step) -> RGBImage {
    let side = image.width * scale
    let patch = side / grid
    let means = means(step)
    var pixels = [UInt8](repeating: 0, count: 3 * side * side)
    for y in 0..<side {
      for x in 0..<side {
        let place = y / patch * grid + x / patch
        let color =
          isLine(x: x % patch, y: y % patch, place, step.fates)
          ? Self.line : color(x: x / scale, y: y / scale, place, step.fates, means)
        for channel in 0..<3 {
          pixels[3 * (y * side + x) + channel] = UInt8(min(max(color[channel].rounded(), 0), 255))
        }
      }
    }
    return RGBImage(width: side, height: side, pixels: pixels)
  }

  private func pixel(x: Int, y: Int) -> SIMD3<Double> {
    let start = 3 * (y * image.width + x)
    return SIMD3(
      Double(image.pixels[start]), Double(image.pixels[start + 1]),
      Double(image.pixels[start + 2]))
  }

  private func color(
    x: Int, y: Int, _ place: Int, _ fates: [TokenFates.Fate], _ means: [Int: SIMD3<Double>]
  ) -> SIMD3<Double> {
    switch fates[place] {
    case .kept: pixel(x: x, y: y)
    case .merged(let group): means[group] ?? pixel(x: x, y: y)
    case .fused: pixel(x: x, y: y) * Self.left + Self.fused * (1 - Self.left)
    case .dropped: pixel(x: x, y: y) * Self.left + Self.dropped * (1 - Self.left)
    }
  }

  /// The mean colour of every merged token.
  private func means(_ step: TokenFates.Step) -> [Int: SIMD3<Double>] {
    var sums: [Int: (color: SIMD3<Double>, pixels: Double)] = [:]
    let patch = image.width / grid
    for (place, fate) in step.fates.enumerated() {
      guard case .merged(let group) = fate else { continue }
      for y in place / grid * patch..<(place / grid + 1) * patch {
        for x in place % grid * patch..<(place % grid + 1) * patch {
          sums[group, default: (.zero, 0)].color += pixel(x: x, y: y)
          sums[group, default: (.zero, 0)].pixels += 1
        }
      }
    }
    return sums.mapValues { $0.color / $0.pixels }
  }

  /// Whether a pixel of a patch lies on the line towards a patch of another token.
  private func isLine(x: Int, y: Int, _ place: Int, _ fates: [TokenFates.Fate]) -> Bool {
    func differs(_ other: Int) -> Bool {
      fates[place] == .kept || fates[place] != fates[other]
    }
    if x == 0, place % grid > 0, differs(place - 1) { return true }
    if y == 0, place / grid > 0, differs(place - grid) { return true }
    return false
  }
}
