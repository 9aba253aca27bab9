/// Sine and cosine of 1,024 angles of a full turn as integers scaled by 2^14.
///
/// The table is built by repeated multiplication with e^(2πi / 1024) in 32.30 fixed point, so that
/// it holds the same numbers on every platform; its largest error is below one unit.
enum DemoTrigonometry {
  static let steps = 1024
  static let scaleBits = 14

  private static let table: [(cosine: Int, sine: Int)] = {
    // cos(2π / 1024) and sin(2π / 1024), scaled by 2^30 and rounded.
    let stepCosine = 1_073_721_611
    let stepSine = 6_588_356
    let half = 1 << 29
    var x = 1 << 30
    var y = 0
    var table: [(cosine: Int, sine: Int)] = []
    for _ in 0..<steps {
      let shift = 30 - scaleBits
      let round = 1 << (shift - 1)
      table.append(((x + round) >> shift, (y + round) >> shift))
      (x, y) = (
        (x * stepCosine - y * stepSine + half) >> 30, (x * stepSine + y * stepCosine + half) >> 30
      )
    }
    return table
  }()

  static func cosine(_ angle: Int) -> Int { table[angle & (steps - 1)].cosine }
  static func sine(_ angle: Int) -> Int { table[angle & (steps - 1)].sine }
}
