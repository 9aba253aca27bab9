import Foundation
import Testing
import _TestSupport

/// Kernels of rows.cu against double precision.
@Suite struct RowTests {
  /// Widths for two, four and eight register groups, and for rows that no registers hold.
  static let widths = [64, 384, 768, 1536, 30, 2056]

  private let rows = 5

  @Test(arguments: widths, Precision.allCases)
  func `a layer norm is the reference's`(width: Int, precision: Precision) throws {
    let x = randomFloats(rows * width, seed: 1).map { precision.rounded(3 * $0 + 1) }
    let (weight, bias) = (randomFloats(width, seed: 2), randomFloats(width, seed: 3))
    let output = Buffer(count: rows * width, precision)
    try launch(
      "layer_norm_\(precision)", grid: (parts(rows, 4), 1, 1), block: 128, order: .shuffled,
      .buffer(Buffer(x, precision)), .buffer(Buffer(weight)), .buffer(Buffer(bias)), .float(1e-6),
      .int(rows), .int(width), .buffer(output))
    let expected = ReferenceOps.layerNorm(x, weight, bias, epsilon: 1e-6)
    #expect(largestDifference(output.values, expected) < max(2e-6, 4 * precision.epsilon))
  }

  /// Not a multiple of eight, and more than one block.
  @Test(arguments: [30, 1027], Precision.allCases)
  func `an activation is the reference's`(width: Int, precision: Precision) throws {
    let count = rows * width
    let x = randomFloats(count, seed: 1).map { precision.rounded(6 * $0) }
    let activated = Buffer(x, precision)
    try launch(
      "gelu_\(precision)", grid: (parts(count, 2048), 1, 1), block: 256, .buffer(activated),
      .long(count))
    let expected = x.map { ReferenceOps.gelu(Double($0)) }
    #expect(largestDifference(activated.values, expected) < 32 * precision.epsilon)
  }

  @Test(arguments: Precision.allCases)
  func `the largest difference counts what is not finite`(precision: Precision) throws {
    let count = 5000
    let x = randomFloats(count, seed: 1).map { precision.rounded($0) }
    func differences(_ change: (inout [Float], inout [Float]) -> Void) throws -> (Float, Float) {
      var (a, b) = (x, x)
      change(&a, &b)
      let largest = Buffer(count: 6)
      try launch(
        "differences_\(precision)", grid: (3, 1, 1), block: 256, shared: 32, order: .shuffled,
        .buffer(Buffer(a, precision)), .buffer(Buffer(b, precision)), .buffer(largest),
        .long(count))
      let found = largest.values
      return (max(found[0], found[2], found[4]), max(found[1], found[3], found[5]))
    }
    let greatest = x.map(abs).max() ?? 0
    let cases: [((inout [Float], inout [Float]) -> Void, (Float, Float))] = [
      ({ _, _ in }, (0, greatest)), ({ a, b in (a[4999], b[4999]) = (4, 3.5) }, (0.5, 4)),
      ({ a, b in (a[7], b[7]) = (.nan, .nan) }, (0, greatest)),
      ({ a, b in (a[7], b[7]) = (.infinity, .infinity) }, (0, greatest)),
      ({ _, b in b[300] = .nan }, (.infinity, greatest)),
    ]
    for (index, (change, expected)) in cases.enumerated() {
      let found = try differences(change)
      #expect(found == expected, "\(index)")
    }
    let other = try differences { a, _ in a[300] = -.infinity }
    #expect(other.0 == .infinity)
  }

  @Test func `GELU is exact from one tail to the other`() throws {
    let values = (-2000...2047).map { Float($0) / 200 }
    let activated = Buffer(values)
    try launch(
      "gelu_f32", grid: (2, 1, 1), block: 256, .buffer(activated), .long(values.count))
    for (x, y) in zip(values, activated.values) {
      let expected = ReferenceOps.gelu(Double(x))
      #expect(abs(Double(y) - expected) <= 3e-7 * max(1, abs(Double(x))))
    }
  }

  @Test(arguments: [10, 128], Precision.allCases)
  func `a gate takes the first half's sigmoid-weighted value`(
    width: Int, precision: Precision
  ) throws {
    let x = randomFloats(rows * 2 * width, seed: 1).map { precision.rounded(4 * $0) }
    let output = Buffer(count: rows * width, precision)
    try launch(
      "swiglu_\(precision)", grid: (parts(rows * width, 2048), 1, 1), block: 256,
      .buffer(Buffer(x, precision)), .buffer(output), .int(rows), .int(width))
    let expected = (0..<(rows * width)).map { index in
      let row = index / width * 2 * width + index % width
      return ReferenceOps.silu(Double(x[row])) * Double(x[row + width])
    }
    #expect(largestDifference(output.values, expected) < 32 * precision.epsilon)
  }

  @Test(arguments: Precision.halves)
  func `halves round to nearest even and come back unchanged`(precision: Precision) throws {
    var values = randomFloats(700, seed: 1).enumerated().map {
      $1 * Float(sign: .plus, exponent: $0 % 60 - 30, significand: 1)
    }
    // Halfway between neighbors, subnormal, overflowing and special numbers.
    values += [
      0, -0.0, 1 + 0x1p-11, 1 + 0x3p-11, 1 + 0x1p-8, 1 + 0x3p-8, 0x1p-24, 0x1p-25, 0x3p-25,
    ]
    values += [65504, 65519.99, 65520, .infinity, -.infinity, .greatestFiniteMagnitude]
    let stored = Buffer(count: values.count, precision)
    let back = Buffer(count: values.count)
    let grid = (parts(values.count, 2048), 1, 1)
    try launch(
      "convert_f32_\(precision)", grid: grid, block: 256, .buffer(Buffer(values)),
      .buffer(stored), .long(values.count))
    try launch(
      "convert_\(precision)_f32", grid: grid, block: 256, .buffer(stored), .buffer(back),
      .long(values.count))
    #expect(stored.values == values.map(precision.rounded))
    #expect(back.values == stored.values)
    #expect(back.values[701].sign == .minus)
  }

  @Test(arguments: Precision.halves)
  func `not a number stays one`(precision: Precision) throws {
    let stored = Buffer(count: 2, precision)
    let values: [Float] = [.nan, Float(bitPattern: 0x7F80_0001)]
    try launch(
      "convert_f32_\(precision)", grid: (1, 1, 1), block: 256, .buffer(Buffer(values)),
      .buffer(stored), .long(2))
    #expect(stored.values.allSatisfy { $0.isNaN })
  }

  @Test func `filling reaches every number and no other`() throws {
    let buffer = Buffer(count: 2055)
    try launch(
      "fill_f32", grid: (2, 1, 1), block: 256, .buffer(buffer), .float(1), .long(2055))
    #expect(buffer.values.allSatisfy { $0 == 1 })
  }
}
