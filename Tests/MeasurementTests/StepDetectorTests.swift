import Support
import Testing

@testable import Measurement

@Suite struct StepDetectorTests {
  /// A curve with noise, and resampled curves with the same noise level.
  private func curves(
    _ positions: [Int], noise: Double, seed: UInt64, _ truth: (Double) -> Double
  ) -> (values: [Double], resampled: [[Double]]) {
    var generator = SplitMix64(seed: seed)
    let values = positions.map { truth(Double($0)) + noise * generator.normal() }
    let resampled = (0..<100).map { _ in values.map { $0 + noise * generator.normal() } }
    return (values, resampled)
  }

  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `steps are found where they are, with their heights`(seed: UInt64) throws {
    let positions = Array(stride(from: 17, through: 145, by: 4))
    let (values, resampled) = curves(positions, noise: 0.03, seed: seed) {
      2 * ($0 / 32).rounded(.up) + 0.012 * $0
    }
    let steps = StepDetector(positions: positions).steps(in: values, resampled: resampled)
    // The steps are between 32 and 33, 64 and 65, 96 and 97, 128 and 129; the grid contains 29, 33,
    // ….
    #expect(steps.map(\.before) == [29, 61, 93, 125])
    #expect(steps.map(\.after) == [33, 65, 97, 129])
    for step in steps {
      #expect(step.location.contains(step.before) && step.location.contains(step.after))
      #expect(abs(step.height - 2) < 0.2)
      #expect(step.heightInterval.contains(step.height))
      #expect(step.heightInterval.lower > 1.5)
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `a smooth curve has no steps`(seed: UInt64) {
    let positions = Array(stride(from: 17, through: 197, by: 3))
    let line = curves(positions, noise: 0.05, seed: seed) { 2 + 0.06 * $0 }
    let bent = curves(positions, noise: 0.02, seed: seed) { 1 + 0.02 * $0 + 0.0004 * $0 * $0 }
    let detector = StepDetector(positions: positions)
    #expect(detector.steps(in: line.values, resampled: line.resampled).isEmpty)
    #expect(detector.steps(in: bent.values, resampled: bent.resampled).isEmpty)
  }

  @Test func `a noise-free curve has no steps unless it has a jump`() {
    let positions = Array(1...40)
    let detector = StepDetector(positions: positions)
    #expect(detector.steps(in: positions.map { Double($0) }, resampled: []).isEmpty)
    let jump = positions.map { $0 > 20 ? 6.0 : 5.0 }
    let steps = detector.steps(in: jump, resampled: [])
    #expect(steps.map(\.before) == [20])
    #expect(steps.map(\.location) == [20...21])
    #expect(abs((steps.first?.height ?? 0) - 1) < 1e-9)
  }

  @Test(arguments: [0.0, 0.05])
  func `a jump at the first or last point has the correct height`(noise: Double)
    throws
  {
    let positions = Array(stride(from: 17, through: 257, by: 8))
    let detector = StepDetector(positions: positions)
    let last = curves(positions, noise: noise, seed: 5) { 10 + 0.01 * $0 + ($0 > 250 ? 4 : 0) }
    let above = try #require(detector.steps(in: last.values, resampled: last.resampled).first)
    #expect(above.before == 249 && above.after == 257)
    #expect(abs(above.height - 4) <= 4 * noise + 1e-9)
    #expect(above.heightInterval.contains(above.height))
    #expect(above.location == above.before...above.after || noise > 0)
    let first = curves(positions, noise: noise, seed: 6) { 10 + 0.01 * $0 - ($0 < 20 ? 4 : 0) }
    let below = try #require(detector.steps(in: first.values, resampled: first.resampled).first)
    #expect(below.before == 17 && below.after == 25)
    #expect(abs(below.height - 4) <= 4 * noise + 1e-9)
    #expect(below.heightInterval.contains(below.height))
    #expect(below.location == below.before...below.after || noise > 0)
  }

  @Test func `a jump down is a step of negative height`() {
    let positions = Array(1...30)
    let (values, resampled) = curves(positions, noise: 0.01, seed: 3) {
      ($0 > 15 ? 4 : 5) + 0.02 * $0
    }
    let steps = StepDetector(positions: positions).steps(in: values, resampled: resampled)
    #expect(steps.map(\.after) == [16])
    #expect((steps.first?.height ?? 0) < -0.8)
  }

  @Test func `noise widens the range of a step's position`() throws {
    let positions = Array(1...60)
    let detector = StepDetector(positions: positions)
    func width(_ noise: Double) throws -> Int {
      let (values, resampled) = curves(positions, noise: noise, seed: 11) { $0 > 30 ? 11 : 10 }
      let step = try #require(detector.steps(in: values, resampled: resampled).first)
      return step.location.upperBound - step.location.lowerBound
    }
    #expect(try width(0.02) == 1)
    #expect(try width(0.25) > 1)
  }

  @Test(arguments: 0...3)
  func `fewer than four points have no steps`(count: Int) {
    let positions = Array(0..<count)
    let values = positions.map { Double($0 * $0) }
    #expect(StepDetector(positions: positions).steps(in: values, resampled: []).isEmpty)
  }
}
