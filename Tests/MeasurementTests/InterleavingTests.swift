import Measurement
import Testing

@Suite struct InterleavingTests {
  @Test func `equal seeds give equal orders, different seeds different ones`() {
    func orders(_ seed: UInt64) -> [[Int]] {
      var interleaving = Interleaving(seed: seed)
      return (0..<6).map { _ in interleaving.nextRound(count: 8, active: Set(0..<8)) }
    }
    #expect(orders(1) == orders(1))
    #expect(orders(1) != orders(2))
    #expect(Set(orders(1)).count == 6)
  }

  @Test func `finished variants are left out without changing the order of the others`() {
    var all = Interleaving(seed: 4)
    var some = Interleaving(seed: 4)
    for _ in 0..<4 {
      let full = all.nextRound(count: 6, active: Set(0..<6))
      let rest = some.nextRound(count: 6, active: [1, 4])
      #expect(rest == full.filter { $0 == 1 || $0 == 4 })
    }
  }

  @Test func `all orders are equally likely`() {
    var counts: [[Int]: Int] = [:]
    for seed in 0..<6000 {
      var interleaving = Interleaving(seed: UInt64(seed))
      counts[interleaving.nextRound(count: 3, active: [0, 1, 2]), default: 0] += 1
    }
    #expect(counts.count == 6)
    // 1000 expected for each; five standard deviations are 144.
    #expect(counts.values.allSatisfy { abs($0 - 1000) < 145 })
  }
}
