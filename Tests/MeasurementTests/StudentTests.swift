import Testing

@testable import Measurement

@Suite struct StudentTests {
  // scipy.stats.t.ppf(0.975, n)
  @Test(arguments: [
    (1, 12.7062047), (4, 2.7764451), (9, 2.2621572), (11, 2.2009852), (19, 2.0930241),
    (60, 2.0002978), (1000, 1.9623391),
  ])
  func `the quantile matches SciPy`(degrees: Int, expected: Double) {
    #expect(abs(Student.quantile975(degrees: degrees) - expected) < 2e-4)
  }
}
