import CKernels
import Foundation
import Tensors
import Testing
import _TestSupport

@testable import CPUBackend

/// The vectorized kernels against the C library in double precision.
@Suite struct KernelTests {
  @Test func `gelu is exact to float32 over its whole range`() {
    var x = stride(from: Float(-12), through: 12, by: 0.001).map { $0 }
    let expected = x.map { ReferenceOps.gelu(Double($0)) }
    lab_gelu(&x, 1, x.count, x.count)
    for (value, reference) in zip(x, expected) {
      #expect(abs(Double(value) - reference) <= 1e-6 * max(1, abs(reference)))
    }
  }

  @Test func `softmax rows sum to one and survive large logits`() {
    var x: [Float] = [1000, 999, -1000, 0, 0, 0, -200, -200, -200]
    lab_softmax_rows(&x, 1, nil, 3, 3, 3)
    let expected = [[1000, 999, -1000], [0, 0, 0], [-200, -200, -200.0]]
      .flatMap(ReferenceOps.softmax)
    #expect(largestDifference(x, expected) < 1e-6)
  }

  @Test(arguments: [1, 5, 16, 37, 197], [0, 11])
  func `softmax matches the reference, with and without padded rows`(
    width: Int, extra: Int
  ) {
    let (rows, stride) = (19, extra == 0 ? width : (width + 15) / 16 * 16 + extra)
    let logits = randomFloats(rows * stride, seed: 1).map { 30 * $0 }
    let sizes = randomFloats(width, seed: 2).map { logf(1 + 9 * abs($0)) }
    for logSizes in [nil, sizes] {
      var x = logits
      lab_softmax_rows(&x, 0.125, logSizes, rows, width, stride)
      for row in 0..<rows {
        let columns = (row * stride)..<(row * stride + width)
        let expected = ReferenceOps.softmax(
          logits[columns].enumerated().map { 0.125 * Double($1) + Double(logSizes?[$0] ?? 0) })
        #expect(largestDifference(Array(x[columns]), expected) < 1e-6)
      }
    }
  }

  @Test func `SwiGLU multiplies the two halves of a row`() {
    var x = randomFloats(2 * 12, seed: 1)
    let expected = (0..<2).flatMap { row in
      (0..<6).map { ReferenceOps.silu(Double(x[row * 12 + $0])) * Double(x[row * 12 + 6 + $0]) }
    }
    lab_swiglu(&x, 2, 6, 12)
    #expect(largestDifference(x[0..<6] + x[12..<18], expected) < 1e-6)
  }

  @Test func `matrices of any size are transposed`() {
    for (rows, width) in [(1, 1), (3, 50), (33, 17), (64, 64)] {
      let x = (0..<(rows * width)).map(Float.init)
      var out = [Float](repeating: -1, count: x.count)
      lab_transpose(x, rows, width, width, &out, rows)
      #expect(out == (0..<x.count).map { x[$0 % rows * width + $0 / rows] })
    }
  }

  @Test func `the key metric is the normalized mean of the keys`() {
    let keys = randomFloats(4 * 30, seed: 2)
    var metric = [Float](repeating: 0, count: 4 * 5)
    lab_key_metric(keys, 4, 30, 2, 5, &metric)
    let expected = (0..<4).flatMap { token -> [Double] in
      let mean = (0..<5).map { Double(keys[token * 30 + $0] + keys[token * 30 + 5 + $0]) / 2 }
      let norm = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return mean.map { $0 / norm }
    }
    #expect(largestDifference(metric, expected) < 1e-6)
  }

  @Test(arguments: [HeadReduction.max, .mean, .sum])
  func `feature scores reduce over heads, then sum over features`(reduction: HeadReduction) throws {
    let backend = try CPUBackend(threads: 2)
    let (tokens, heads, d) = (5, 3, 4)
    let qkv = randomFloats(tokens * 3 * heads * d, seed: 4)
    let scores = try backend.allocate(Shape(1, tokens), .float32)
    backend.featureScores(
      try backend.tensor(qkv, Shape(1, tokens, 3 * heads * d)), heads: heads, feature: .key,
      reduction: reduction, into: scores)
    let expected = (0..<tokens).map { token in
      (0..<d).reduce(0.0) { sum, c in
        let column = (0..<heads).map {
          Double(qkv[token * 3 * heads * d + heads * d + $0 * d + c])
        }
        switch reduction {
        case .max: return sum + (column.max() ?? 0)
        case .sum: return sum + column.reduce(0, +)
        case .mean: return sum + column.reduce(0, +) / Double(heads)
        }
      }
    }
    #expect(largestDifference(backend.values(scores), expected) < 1e-5)
  }

  @Test func `a pool runs every worker once per call`() throws {
    let backend = try CPUBackend(threads: 4)
    let counts = UnsafeMutablePointer<Int>.allocate(capacity: 4 * 64)
    defer { counts.deallocate() }
    counts.initialize(repeating: 0, count: 4 * 64)
    for round in 0..<2000 {
      backend.run(Counting(counts: counts)) { Counting.enter($0, $1) }
      // Longer than the workers spin, so that they are asleep in some rounds.
      if round % 500 == 0 { usleep(20000) }
    }
    #expect((0..<4).map { counts[$0 * 64] } == [2000, 2000, 2000, 2000])
  }

  private struct Counting: ParallelRegion {
    let counts: UnsafeMutablePointer<Int>
    func run(worker: Int) { counts[worker * 64] += 1 }
  }
}
