import Testing

@testable import Measurement

/// Expected values are from SciPy 1.17.1 and NumPy 2.4.6 if a comment says so, otherwise computed
/// by hand.
@Suite struct SummaryTests {
  @Test func `quartiles are of type 7`() throws {
    // numpy.percentile(x, [0, 25, 50, 75, 100])
    let summary = try #require(Summary([3.1, 2.7, 9.4, 3.0, 2.9, 3.3, 2.8]))
    #expect(summary.count == 7)
    #expect(summary.minimum == 2.7)
    #expect(abs(summary.lowerQuartile - 2.85) < 1e-12)
    #expect(summary.median == 3.0)
    #expect(abs(summary.upperQuartile - 3.2) < 1e-12)
    #expect(summary.maximum == 9.4)
  }

  @Test func `an even count averages the middle values`() throws {
    let summary = try #require(Summary([4, 1, 3, 2]))
    #expect(summary.lowerQuartile == 1.75)
    #expect(summary.median == 2.5)
    #expect(summary.upperQuartile == 3.25)
  }

  @Test func `all quantiles of one sample equal it`() throws {
    let summary = try #require(Summary([5]))
    #expect([summary.minimum, summary.lowerQuartile, summary.median] == [5, 5, 5])
    #expect([summary.upperQuartile, summary.maximum] == [5, 5])
  }

  @Test(arguments: [[], [1, .nan], [.infinity]] as [[Double]])
  func `empty or non-finite samples have no summary`(samples: [Double]) {
    #expect(Summary(samples) == nil)
  }
}
