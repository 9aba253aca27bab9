import Support

/// An RGB color with channels from 0 to 255.
struct DemoColor {
  var red: Int
  var green: Int
  var blue: Int

  static func random(in range: ClosedRange<Int>, using generator: inout SplitMix64) -> DemoColor {
    DemoColor(
      red: generator.int(in: range), green: generator.int(in: range), blue: generator.int(in: range)
    )
  }

  /// A color whose every channel differs from this one's by at most `spread`.
  func neighbor(spread: Int, using generator: inout SplitMix64) -> DemoColor {
    func clamp(_ value: Int) -> Int { min(255, max(0, value)) }
    return DemoColor(
      red: clamp(red + generator.int(in: -spread...spread)),
      green: clamp(green + generator.int(in: -spread...spread)),
      blue: clamp(blue + generator.int(in: -spread...spread)))
  }

  /// The sum of the channels' absolute differences, from 0 to 765.
  func distance(to other: DemoColor) -> Int {
    abs(red - other.red) + abs(green - other.green) + abs(blue - other.blue)
  }

  /// Of `candidates` random colors, the one whose nearest neighbor in `others` is farthest.
  static func contrasting(
    with others: [DemoColor], candidates: Int, using generator: inout SplitMix64
  ) -> DemoColor {
    var best = DemoColor(red: 0, green: 0, blue: 0)
    var bestDistance = -1
    for _ in 0..<candidates {
      let candidate = random(in: 0...255, using: &generator)
      let distance = others.map { candidate.distance(to: $0) }.min() ?? 0
      if distance > bestDistance {
        best = candidate
        bestDistance = distance
      }
    }
    return best
  }
}
