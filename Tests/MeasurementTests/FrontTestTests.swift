import Foundation
import Support
import Testing

@testable import Measurement

/// Which methods are removed from the front, and how often wrongly.
@Suite struct FrontTestTests {
  private static func batch(_ values: [Int], _ order: some Sequence<Int>) -> PairedBatch {
    ConfidenceSequenceTests.batch(order.map { values[$0] })
  }

  @Test func `a method on the front is not expected to be removed, over all orders of the images`()
  {
    // Each row: how a rival differs on six images; none is better overall.
    for rivals in [
      [[1, 0, 0, -1, 0, 0], [0, 1, -1, 0, 1, -1]], [[0, 0, 0, 0, 0, 0], [1, 1, -1, -1, 0, 0]],
      [[-1, 0, 0, 0, 0, 1], [1, -1, 0, 0, 0, 0], [-1, 0, -1, 0, 0, 1]],
    ] {
      for sizes in [[1, 1, 1, 1, 1, 1], [2, 2, 2], [3, 1, 2]] {
        var totals = [Double](repeating: 0, count: sizes.count)
        var orders = 0
        ConfidenceSequenceTests.forEachOrder(Array(0..<6)) { order in
          orders += 1
          // Without any allowed error nothing is decided.
          var test = FrontTest(population: 6, rivals: rivals.count, alpha: .leastNonzeroMagnitude)
          var start = 0
          for (index, size) in sizes.enumerated() {
            test.add(rivals.map { Self.batch($0, order[start..<(start + size)]) })
            start += size
            totals[index] += exp(test.logarithm)
          }
        }
        for total in totals { #expect(total / Double(orders) <= 1 + 1e-12) }
      }
    }
  }

  /// Differences on `images` images with `each` wins and equally many losses.
  private static func tie(
    _ each: Int, images: Int, _ random: inout SplitMix64
  ) -> [Int] {
    var values =
      Array(repeating: 1, count: each) + Array(repeating: -1, count: each)
      + Array(repeating: 0, count: images - 2 * each)
    shuffle(&values, &random)
    return values
  }

  private static func shuffle(_ values: inout [Int], _ random: inout SplitMix64) {
    for last in stride(from: values.count - 1, to: 0, by: -1) {
      values.swapAt(last, random.below(last + 1))
    }
  }

  @Test(arguments: [1, 12])
  func `fewer than 5 % of 400 front members are removed`(rivals: Int) {
    var random = SplitMix64(seed: UInt64(rivals))
    // All rivals are exactly as good as the tested method, which is the hardest case.
    let all = (0..<rivals).map { Self.tie(10 + 5 * $0, images: 1000, &random) }
    let lost = (0..<400).count { _ in
      var order = Array(0..<1000)
      Self.shuffle(&order, &random)
      var test = FrontTest(population: 1000, rivals: rivals)
      for (index, range) in RaceBatches.ranges(images: 1000).enumerated() {
        // Rivals are removed one after the other.
        test.add(all.indices.map { $0 > 0 && index > $0 ? nil : Self.batch(all[$0], order[range]) })
      }
      return test.leader != nil
    }
    #expect(lost <= 20, "\(lost) of 400")
  }

  @Test func `one clear winner among many rivals is found within the first images`() {
    var test = FrontTest(population: 2000, rivals: 20)
    let alike = PairedBatch(won: 2, lost: 2, alike: 46)
    test.add((0..<20).map { $0 == 7 ? PairedBatch(won: 25, lost: 2, alike: 23) : alike })
    #expect(test.leader == 7)
    var narrow = FrontTest(population: 2000, rivals: 20)
    narrow.add((0..<20).map { $0 == 7 ? PairedBatch(won: 4, lost: 2, alike: 44) : alike })
    #expect(narrow.leader == nil)
  }

  @Test func `many rivals cost little if one leads from the beginning`() {
    func images(rivals: Int) -> Int {
      var test = FrontTest(population: 10_000, rivals: rivals)
      for batch in 1...200 {
        test.add(
          (0..<rivals).map {
            $0 == 0
              ? PairedBatch(won: 3, lost: 1, alike: 46) : PairedBatch(won: 1, lost: 1, alike: 48)
          })
        if test.leader != nil { return 50 * batch }
      }
      return 10_000
    }
    let alone = images(rivals: 1)
    #expect(alone < 1000)
    #expect(images(rivals: 40) <= alone + 100)
  }

  @Test func `without rivals nothing is removed from the front`() {
    var test = FrontTest(population: 100, rivals: 0)
    test.add([])
    #expect(test.leader == nil && test.logarithm == 0)
  }
}
