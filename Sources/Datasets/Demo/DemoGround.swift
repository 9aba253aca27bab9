import Support

/// Cluttered ground: three near colors mixed by value noise, stripes and a gradient, then grain
/// and distractors.
struct DemoGround {
  /// The colors that the ground is mixed from.
  let colors: [DemoColor]

  init(using random: inout SplitMix64) {
    let first = DemoColor.random(in: 30...225, using: &random)
    colors = [
      first, first.neighbor(spread: 60, using: &random),
      first.neighbor(spread: 60, using: &random),
    ]
  }

  /// Paints the textured ground over the whole canvas.
  func paint(on canvas: inout DemoCanvas, using random: inout SplitMix64) {
    let coarse = ValueNoise(cell: 24, side: canvas.side, using: &random)
    let fine = ValueNoise(cell: 8, side: canvas.side, using: &random)
    let coarseWeight = random.int(in: 64...192)
    let stripes = Stripes(using: &random)
    let stripeWeight = random.int(in: 0...1) * random.int(in: 64...192)
    let gradient = random.int(in: 0...(DemoTrigonometry.steps - 1))
    let (gradientX, gradientY) = (
      DemoTrigonometry.cosine(gradient), DemoTrigonometry.sine(gradient)
    )
    let grain = random.int(in: 4...12)
    let grainSeed = random.next()
    let (a, b, c) = (colors[0], colors[1], colors[2])
    let middle = canvas.side / 2
    canvas.fill { x, y in
      var first = (coarse[x, y] * coarseWeight + fine[x, y] * (256 - coarseWeight)) >> 8
      first = (stripes[x, y] * stripeWeight + first * (256 - stripeWeight)) >> 8
      let slope = ((x - middle) * gradientX + (y - middle) * gradientY) >> 13
      let second = min(256, max(0, 128 + slope + ((coarse[y, x] - 128) >> 1)))
      let noise = SplitMix64.mix(grainSeed &+ UInt64(x &* 4096 &+ y))
      func mixed(_ a: Int, _ b: Int, _ c: Int, _ shift: Int) -> Int {
        let ab = (a * (256 - first) + b * first) >> 8
        let abc = (ab * (384 - second) + c * second) / 384
        let speck = Int(noise >> UInt64(shift) & 0xFF) * (2 * grain + 1) >> 8
        return min(255, max(0, abc + speck - grain))
      }
      return DemoColor(
        red: mixed(a.red, b.red, c.red, 0), green: mixed(a.green, b.green, c.green, 8),
        blue: mixed(a.blue, b.blue, c.blue, 16))
    }
  }

  /// Paints small marks that belong to no class: segments, blobs, corners and arcs.
  func paintDistractors(on canvas: inout DemoCanvas, using random: inout SplitMix64) {
    for _ in 0..<random.int(in: 8...14) {
      let x = random.int(in: 0...(canvas.side - 1))
      let y = random.int(in: 0...(canvas.side - 1))
      let angle = random.int(in: 0...(DemoTrigonometry.steps - 1))
      let color = DemoColor.random(in: 0...255, using: &random)
      switch random.int(in: 0...3) {
      case 0:  // A segment of 8 to 18 pixels.
        let half = random.int(in: 4...9) * 64
        let width = random.int(in: 36...80)
        canvas.paint(centerX: x, centerY: y, reach: 11, angle: angle) { u, v in
          abs(u) <= half && abs(v) <= width ? color : nil
        }
      case 1:  // An oval blob of 3 to 8 pixels.
        let long = random.int(in: 96...256)
        let short = random.int(in: 96...160)
        canvas.paint(centerX: x, centerY: y, reach: 5, angle: angle) { u, v in
          u * u * short * short + v * v * long * long <= long * long * short * short ? color : nil
        }
      case 2:  // A corner with two arms of 5 to 9 pixels.
        let arm = random.int(in: 5...9) * 64
        let width = random.int(in: 48...80)
        canvas.paint(centerX: x, centerY: y, reach: 14, angle: angle) { u, v in
          (u >= -width && u <= arm && abs(v) <= width)
            || (v >= -width && v <= arm && abs(u) <= width) ? color : nil
        }
      default:  // Half of a thin arc of 8 to 14 pixels.
        let outer = random.int(in: 4...7) * 64
        let inner = outer - random.int(in: 80...128)
        canvas.paint(centerX: x, centerY: y, reach: 8, angle: angle) { u, v in
          let squared = u * u + v * v
          return v >= 0 && squared <= outer * outer && squared >= inner * inner ? color : nil
        }
      }
    }
  }
}

/// Smooth random values from 0 to 256: a lattice of random values, interpolated.
private struct ValueNoise {
  private let values: [Int]
  private let columns: Int
  /// For each row or column of pixels, the cell that it lies in.
  private let cells: [Int]
  /// For each row or column of pixels, 3t² − 2t³ of its place t within the cell, scaled by 256.
  private let weights: [Int]

  init(cell: Int, side: Int, using random: inout SplitMix64) {
    columns = (side - 1) / cell + 2
    var values: [Int] = []
    for _ in 0..<(columns * columns) { values.append(random.int(in: 0...256)) }
    self.values = values
    cells = (0..<side).map { $0 / cell }
    weights = (0..<side).map { place in
      let t = place % cell * 256 / cell
      return (t * t * (768 - 2 * t)) >> 16
    }
  }

  subscript(x: Int, y: Int) -> Int {
    let (right, down) = (weights[x], weights[y])
    let index = cells[y] * columns + cells[x]
    let top = values[index] * (256 - right) + values[index + 1] * right
    let bottom = values[index + columns] * (256 - right) + values[index + columns + 1] * right
    return (top * (256 - down) + bottom * down) >> 16
  }
}

/// A triangle wave from 0 to 256 across the picture, of random direction, phase and wavelength (8
/// to 24 pixels).
private struct Stripes {
  private let stepX: Int
  private let stepY: Int
  private let phase: Int

  init(using random: inout SplitMix64) {
    let angle = random.int(in: 0...(DemoTrigonometry.steps - 1))
    let wavelength = random.int(in: 8...24)
    stepX = DemoTrigonometry.cosine(angle) / wavelength
    stepY = DemoTrigonometry.sine(angle) / wavelength
    phase = random.int(in: 0...((1 << DemoTrigonometry.scaleBits) - 1))
  }

  subscript(x: Int, y: Int) -> Int {
    let place = (x * stepX + y * stepY + phase) & ((1 << DemoTrigonometry.scaleBits) - 1)
    return abs(place - (1 << (DemoTrigonometry.scaleBits - 1))) >> (DemoTrigonometry.scaleBits - 9)
  }
}
