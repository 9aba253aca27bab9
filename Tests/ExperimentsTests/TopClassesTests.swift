import Testing

@testable import Experiments

@Suite struct TopClassesTests {
  private func best(_ count: Int, _ logits: [Float]) -> [Int] {
    logits.withUnsafeBufferPointer { TopClasses.best(count, of: $0) }
  }

  @Test func `the best classes come first, the lower of equal ones`() {
    #expect(best(3, [1, 5, 3, 5, 4]) == [1, 3, 4])
    #expect(best(5, [2, 2, 2]) == [0, 1, 2])
    #expect(best(2, [-.infinity, -1, .infinity]) == [2, 1])
  }

  @Test func `NaN is below every number`() {
    #expect(best(2, [.nan, -5, 1]) == [2, 1])
    #expect(best(3, [.nan, 1]) == [1, 0])
  }
}
