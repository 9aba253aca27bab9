import Support

/// One drawn image with what it shows and where.
package struct DemoImage: Sendable, Equatable {
  /// Interleaved RGB bytes, row by row: `[96 * 96 * 3]`.
  package let pixels: [UInt8]
  /// The class, an index into `DemoDataset.classNames`.
  package let label: Int
  /// The column of the object's center, in pixels.
  package let centerX: Int
  /// The row of the object's center, in pixels.
  package let centerY: Int
  /// The diameter of the circle around the object, in pixels.
  package let size: Int
}

/// The embedded data set: one small object of ten classes on cluttered ground, drawn in integer
/// arithmetic.
///
/// An image is a function of seed, split and index alone and has the same bytes on every platform.
/// Every run of ten indices that starts at a multiple of ten holds each class once, in a shuffled
/// order. No image is read from disk; the set has no end.
package struct DemoDataset: Sendable {
  /// Which of two streams is drawn; for one seed they share no image.
  package enum Split: String, Sendable, CaseIterable {
    case train
    case validation = "val"
  }

  /// Five forms, plain or dotted, in the order of the labels.
  package static let classNames: [String] = DemoForm.allCases.flatMap {
    ["\($0.name)_plain", "\($0.name)_dotted"]
  }
  /// Rows and columns of an image, in pixels.
  package static let imageSize = 96
  /// Smallest and largest diameter of an object, in pixels.
  package static let objectSizes = 30...42
  /// The seed that the demo model was trained and measured with.
  package static let defaultSeed: UInt64 = 1

  package let split: Split
  package let seed: UInt64

  package init(split: Split, seed: UInt64 = DemoDataset.defaultSeed) {
    self.split = split
    self.seed = seed
  }

  /// The class of the image at `index`, without drawing it.
  package func label(index: Int) -> Int {
    precondition(index >= 0, "an image index is not negative")
    let classes = Self.classNames.count
    var order = Array(0..<classes)
    var random = stream(kind: 1, index: index / classes)
    for last in stride(from: classes - 1, to: 0, by: -1) {
      order.swapAt(last, random.int(in: 0...last))
    }
    return order[index % classes]
  }

  /// Draws the image at `index`, any number that is not negative.
  package func image(index: Int) -> DemoImage {
    let label = label(index: index)
    var random = stream(kind: 2, index: index)
    var canvas = DemoCanvas(side: Self.imageSize)
    let ground = DemoGround(using: &random)
    ground.paint(on: &canvas, using: &random)
    ground.paintDistractors(on: &canvas, using: &random)

    let size = random.int(in: Self.objectSizes)
    let reach = (size + 1) / 2
    let centerX = random.int(in: reach...(Self.imageSize - 1 - reach))
    let centerY = random.int(in: reach...(Self.imageSize - 1 - reach))
    paintObject(
      label: label, centerX: centerX, centerY: centerY, size: size, ground: ground, on: &canvas,
      using: &random)
    return DemoImage(
      pixels: canvas.pixels, label: label, centerX: centerX, centerY: centerY, size: size)
  }

  private func paintObject(
    label: Int, centerX: Int, centerY: Int, size: Int, ground: DemoGround,
    on canvas: inout DemoCanvas, using random: inout SplitMix64
  ) {
    guard let form = DemoForm(rawValue: label / 2) else {
      preconditionFailure("label \(label) names no form")
    }
    let isDotted = label % 2 == 1
    let angle = random.int(in: 0...(DemoTrigonometry.steps - 1))
    let color = DemoColor.contrasting(with: ground.colors, candidates: 16, using: &random)
    let dotColor = DemoColor.contrasting(
      with: [color] + ground.colors, candidates: 16, using: &random)
    // In 1/64 of a pixel.
    let radius = size * 32
    let spacing = radius / 2
    let dotRadius = spacing * 3 / 8
    let phaseU = random.int(in: 0...(spacing - 1))
    let phaseV = random.int(in: 0...(spacing - 1))
    canvas.paint(centerX: centerX, centerY: centerY, reach: (size + 1) / 2, angle: angle) { u, v in
      guard form.contains(u: u, v: v, radius: radius) else { return nil }
      guard isDotted else { return color }
      let dotU = (u + phaseU + 8 * spacing) % spacing - spacing / 2
      let dotV = (v + phaseV + 8 * spacing) % spacing - spacing / 2
      return dotU * dotU + dotV * dotV <= dotRadius * dotRadius ? dotColor : color
    }
  }

  /// A random stream of its own for each seed, split, purpose and index.
  private func stream(kind: UInt64, index: Int) -> SplitMix64 {
    let splitTag: UInt64 = split == .train ? 0x7472_6169_6E00 : 0x7661_6C00
    var hash = SplitMix64.mix(seed &+ 0x9E37_79B9_7F4A_7C15)
    hash = SplitMix64.mix(hash ^ (splitTag &+ kind))
    return SplitMix64(seed: SplitMix64.mix(hash &+ UInt64(index)))
  }
}

extension SplitMix64 {
  /// A number in `range`, by the high half of a 32 by 32 bit product.
  ///
  /// The bias, below `range.count / 2^32`, is of no consequence for drawing.
  mutating func int(in range: ClosedRange<Int>) -> Int {
    let count = UInt64(range.upperBound - range.lowerBound + 1)
    return range.lowerBound + Int(((next() >> 32) &* count) >> 32)
  }
}
