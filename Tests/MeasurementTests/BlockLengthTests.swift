import Foundation
import Support
import Testing

@testable import Measurement

@Suite struct BlockLengthTests {
  private func autoregressive(_ rho: Double, count: Int) -> [Double] {
    var generator = SplitMix64(seed: 11)
    var value = generator.normal()
    return (0..<count).map { _ in
      value = rho * value + (1 - rho * rho).squareRoot() * generator.normal()
      return value
    }
  }

  @Test(arguments: [0.3, 0.6, 0.8])
  func `the block length of an autoregressive series matches theory`(rho: Double) {
    let count = 20_000
    // Politis and White's b for an AR(1) process: ((2ρ/(1−ρ²))²·n)^(1/3).
    let expected = pow(pow(2 * rho / (1 - rho * rho), 2) * Double(count), 1.0 / 3)
    let found = BlockLength.stationary(autoregressive(rho, count: count))
    #expect(abs(found / expected - 1) < 0.25)
  }

  @Test func `independent values need only short blocks`() {
    #expect(BlockLength.stationary(autoregressive(0, count: 2000)) < 3)
    #expect(BlockLength.stationary([4, 4, 4, 4, 4, 4]) == 1)
    #expect(BlockLength.stationary([1, 2]) == 1)
  }

  @Test func `rounds are not assumed independent without evidence`() {
    #expect(abs(BlockLength.ofRounds(Array(repeating: 0, count: 27)) - 3) < 1e-9)
    #expect(BlockLength.ofRounds(autoregressive(0, count: 27)) >= 3 - 1e-9)
    #expect(BlockLength.ofRounds(autoregressive(0.8, count: 64)) > 4.1)
  }
}
