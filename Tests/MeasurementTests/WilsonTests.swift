import Testing

@testable import Measurement

@Suite struct WilsonTests {
  @Test(arguments: [
    // scipy.stats.binomtest(s, n).proportion_ci(method="wilson")
    (92, 100, 0.8500189229905127, 0.9589065385156194),
    (0, 10, 0, 0.27753279986288926),
    (10, 10, 0.7224672001371109, 1),
    (39928, 50000, 0.7950216026567462, 0.8020525246297964),
    (1, 3, 0.06149194472039626, 0.7923403991979523),
  ])
  func `intervals equal SciPy's`(successes: Int, trials: Int, lower: Double, upper: Double) throws {
    let interval = try #require(Interval.wilson(successes: successes, trials: trials))
    #expect(abs(interval.lower - lower) < 1e-12)
    #expect(abs(interval.upper - upper) < 1e-12)
  }

  @Test func `no trials have no interval`() {
    #expect(Interval.wilson(successes: 0, trials: 0) == nil)
  }
}
