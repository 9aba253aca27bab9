import Measurement
import Support
import Testing

@testable import Reporting

@Suite struct ParetoFrontTests {
  @Test func `faster or more accurate points are kept`() {
    let points = [(1, 70), (2, 80), (3, 75), (4, 90)].map {
      TradeOff(latency: Double($0.0), accuracy: Double($0.1))
    }
    #expect(paretoFront(points) == [0, 1, 3])
  }

  @Test func `equal points are all kept, and ties in one value are decided by the other`() {
    let points = [(2, 80), (2, 80), (2, 79), (3, 80), (1, 60)].map {
      TradeOff(latency: Double($0.0), accuracy: Double($0.1))
    }
    #expect(paretoFront(points) == [4, 0, 1])
  }

  @Test func `without points there is no front`() {
    #expect(paretoFront([]).isEmpty)
  }

  @Test(arguments: 1...50)
  func `exactly the non-dominated points are on the front`(seed: Int) {
    var generator = SplitMix64(seed: UInt64(seed))
    // Few values, so that ties are common.
    let points = (0..<seed).map { _ in
      TradeOff(latency: Double(generator.below(12)), accuracy: Double(generator.below(12)))
    }
    let expected = points.indices.filter { i in !points.contains { $0.dominates(points[i]) } }
    #expect(paretoFront(points).sorted() == expected)
  }
}

extension TradeOff {
  /// Whether this is at least as good in both and better in one.
  fileprivate func dominates(_ other: TradeOff) -> Bool {
    latency <= other.latency && accuracy >= other.accuracy
      && (latency < other.latency || accuracy > other.accuracy)
  }
}
