import CKernels
import Foundation
import Testing
import _TestSupport

/// The kernels of token reduction against plain loops in double precision, also with NaN.
@Suite struct ReductionKernelTests {
  private static func rows(_ count: Int, _ width: Int, seed: UInt64) -> [Float] {
    randomFloats(count * width, seed: seed)
  }

  @Test(arguments: [1, 2, 7, 64, 333])
  func `the k-th smallest matches a sorted array`(count: Int) {
    let values = randomFloats(count, seed: UInt64(count)).map { ($0 * 8).rounded() / 8 }
    for k in Set([1, (count + 1) / 2, count]) {
      #expect(lab_kth_smallest(values, count, k) == values.sorted()[k - 1])
    }
  }

  @Test(arguments: [0, 1, 3])
  func `row maxima are the first of equal ones and ignore NaN`(first: Int) {
    var values = Self.rows(9, 37, seed: 3).map { ($0 * 4).rounded() }
    for index in stride(from: 2, to: values.count, by: 11) { values[index] = .nan }
    for column in 0..<37 { values[4 * 37 + column] = .nan }
    var (best, index) = ([Float](repeating: 0, count: 9), [Int32](repeating: 0, count: 9))
    lab_row_maxima(values, 9, 37, 37, first, &best, &index)
    for row in 0..<9 {
      let own = Array(values[(row * 37)..<((row + 1) * 37)])
      let numbers = own.enumerated().filter { $0.offset >= first && !$0.element.isNaN }
      let most = numbers.map(\.element).max()
      #expect(best[row] == most ?? -.infinity)
      #expect(Int(index[row]) == numbers.first { $0.element == most }?.offset ?? first)
    }
  }

  @Test func `distances match a plain loop and are 0 for equal rows`() {
    let (count, width) = (21, 48)
    let x = Self.rows(count, width, seed: 5)
    var products = [Float](repeating: 0, count: count * count)
    var squares = [Float](repeating: 0, count: count)
    var expected = [Double](repeating: 0, count: count * count)
    for i in 0..<count {
      for j in 0..<count {
        var (dot, square) = (0.0, 0.0)
        for c in 0..<width {
          let (a, b) = (Double(x[i * width + c]), Double(x[j * width + c]))
          dot += a * b
          square += (a - b) * (a - b)
        }
        products[i * count + j] = Float(dot)
        expected[i * count + j] = (square / 3).squareRoot()
      }
    }
    lab_row_squares(x, count, width, width, &squares)
    lab_distances(&products, count, count, 0, squares, squares, 1.0 / 3)
    for index in products.indices {
      #expect(abs(Double(products[index]) - expected[index]) < 1e-5 * max(1, expected[index]))
    }
    for i in 0..<count { #expect(products[i * count + i] == 0) }
  }

  @Test func `means of ELU match the formula`() {
    let x = Self.rows(5, 197, seed: 8)
    var means = [Float](repeating: 0, count: 5)
    lab_elu_means(x, 5, 197, 197, 0.4, &means)
    for row in 0..<5 {
      let expected = (0..<197).reduce(0.0) {
        let y = Double(x[row * 197 + $1]) - 0.4
        return $0 + (y > 0 ? y : expm1(y))
      }
      #expect(abs(Double(means[row]) - expected / 197) < 1e-6)
    }
  }

  @Test(arguments: [1, 5, 64])
  func `density and peak distance match sorted neighbors`(nearest: Int) {
    let distances = Self.rows(1, 90, seed: 2).map { abs($0) }
    let densities = Self.rows(1, 90, seed: 4)
    let smallest = distances.sorted().prefix(nearest).map { Double($0) * Double($0) }
    let expected = exp(-smallest.reduce(0, +) / Double(nearest))
    #expect(abs(Double(lab_density(distances, 90, nearest)) - expected) < 1e-6)
    for density in [Float(-10), 0, 10] {
      let denser = distances.indices.filter { densities[$0] > density }.map { distances[$0] }
      #expect(
        lab_peak_distance(distances, densities, 90, density) == denser.min() ?? .infinity)
    }
  }

  @Test func `the largest are marked, ties by the lower index, NaN last`() {
    var values = Self.rows(1, 40, seed: 6).map { ($0 * 3).rounded() }
    values[0] = .nan
    for (own, neighbors) in [(3, 1), (17, 8), (39, 38)] {
      var marks = [Float](repeating: 0, count: 40)
      lab_mark_largest(values, 40, own, neighbors, &marks)
      let expected = values.indices.filter { $0 != own }.sorted {
        let (a, b) = (values[$0], values[$1])
        return a.isNaN != b.isNaN ? b.isNaN : a > b || a == b && $0 < $1
      }.prefix(neighbors)
      #expect(Set(marks.indices.filter { marks[$0] == 1 }) == Set(expected))
    }
  }

  @Test(arguments: [3, 4, 30])
  func `votes are the product with the transposed map`(count: Int) {
    let (map, votes) = (Self.rows(count, count, seed: 1), Self.rows(1, count, seed: 9))
    var next = [Float](repeating: 0, count: count)
    lab_vote(map, count, votes, &next)
    for column in 0..<count {
      let expected = (0..<count).reduce(0.0) {
        $0 + Double(map[$1 * count + column]) * Double(votes[$1])
      }
      #expect(abs(Double(next[column]) - expected) < 1e-5)
    }
  }

  @Test func `columns are summed by group`() {
    let row: [Float] = [1, 2, 4, 8, 16, 32]
    let (first, into, from): ([Int32], [Int32], [Int32]) = ([5, 0, 2], [1, 1, 0], [1, 3, 4])
    var out: [Float] = [100, 100, 100]
    first.withUnsafeBufferPointer { first in
      into.withUnsafeBufferPointer { into in
        from.withUnsafeBufferPointer { from in
          var folding = lab_folding(
            first: first.baseAddress, columns: 3, into: into.baseAddress, from: from.baseAddress,
            pairs: 3)
          lab_fold_row(row, &folding, 0.5, 0, &out)
          #expect(out == [24, 5.5, 2])
          lab_fold_row(row, &folding, 2, 1, &out)
          #expect(out == [120, 27.5, 10])
        }
      }
    }
  }
}
