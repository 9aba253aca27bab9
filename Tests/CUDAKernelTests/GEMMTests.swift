import Foundation
import Testing
import _TestSupport

/// A linear layer of the imagined device, and what should come out.
struct DeviceLinear {
  let rows: Int
  let inputs: Int
  let outputs: Int
  let precision: Precision
  let x: [Float]
  let weight: [Float]
  let bias: [Float]
  let residual: [Float]
  let norm: (weight: [Float], bias: [Float])

  init(rows: Int, inputs: Int, outputs: Int, _ precision: Precision) {
    (self.rows, self.inputs, self.outputs) = (rows, inputs, outputs)
    self.precision = precision
    x = randomFloats(rows * inputs, seed: 1).map(precision.rounded)
    weight = randomFloats(inputs * outputs, seed: 2).map(precision.rounded)
    bias = randomFloats(outputs, seed: 3)
    residual = randomFloats(rows * outputs, seed: 4).map(precision.rounded)
    norm = (randomFloats(inputs, seed: 5), randomFloats(inputs, seed: 6))
  }

  /// GELU, then the residual; `outputStride` numbers from one row to the next.
  func gemm(
    _ kernel: String, hasResidual: Bool = false, outputStride: Int? = nil, order: Order = .forward
  ) throws -> [Float] {
    let isLarge = kernel == "large"
    let side = isLarge ? 128 : 64
    let stride = outputStride ?? outputs
    let out = Buffer(count: rows * stride, precision)
    try launch(
      "gemm_mma_\(kernel)_\(precision)",
      grid: (parts(rows, side) * parts(outputs, side), 1, 1), block: isLarge ? 256 : 128,
      shared: isLarge ? 49_152 : 32_768, order: order, .buffer(Buffer(x, precision)),
      .int(inputs), .buffer(Buffer(weight, precision)), .int(inputs), .buffer(Buffer(bias)),
      .buffer(hasResidual ? Buffer(residual, precision) : nil), .int(outputs), .buffer(out),
      .int(stride), .int(rows), .int(inputs), .int(outputs), .int(2), .int(0))
    return (0..<(rows * outputs)).map { out.values[$0 / outputs * stride + $0 % outputs] }
  }

  func normGEMM(rowsOfBlock: Int, activation: Int, order: Order = .forward) throws -> [Float] {
    let out = Buffer(count: rows * outputs, precision)
    try launch(
      "norm_gemm_mma_r\(rowsOfBlock)_\(precision)",
      grid: (parts(rows, rowsOfBlock) * parts(outputs, 64), 1, 1), block: 128,
      shared: 49_152 + rowsOfBlock * (parts(inputs, 16) * 16 + 8) * 2, order: order,
      .buffer(Buffer(x, precision)), .buffer(Buffer(norm.weight)), .buffer(Buffer(norm.bias)),
      .float(1e-6), .buffer(Buffer(weight, precision)), .int(inputs), .buffer(Buffer(bias)),
      .buffer(out), .int(rows), .int(inputs), .int(outputs), .int(activation))
    return out.values
  }

  /// In double precision; the normalized rows are rounded as tensor cores take them.
  func expected(isNormalized: Bool = false, hasResidual: Bool = false, isActivated: Bool = true)
    -> [Double]
  {
    let rows =
      isNormalized
      ? ReferenceOps.layerNorm(x, norm.weight, norm.bias, epsilon: 1e-6).map {
        precision.rounded(Float($0))
      } : x
    return ReferenceOps.linear(rows, weight, bias, inputs: inputs).enumerated().map {
      (isActivated ? ReferenceOps.gelu($1) : $1) + (hasResidual ? Double(residual[$0]) : 0)
    }
  }

  /// What rounding of the output allows; norms that are rounded the other way allow more.
  func limit(isNormalized: Bool = false) -> Double {
    (isNormalized ? 64 : 16) * precision.epsilon
  }
}

/// gemm_mma.cu and norm_gemm.cu against double precision.
@Suite struct GEMMTests {
  /// Rows, inputs and outputs that fill no tile; one stage and many.
  static let sizes = [(70, 40, 72), (131, 104, 200), (5, 8, 13), (33, 264, 64)]

  @Test(arguments: Precision.halves, Order.allCases)
  func `a GEMM ends with the exact GELU and a residual`(
    precision: Precision, order: Order
  ) throws {
    for (rows, inputs, outputs) in Self.sizes {
      let layer = DeviceLinear(rows: rows, inputs: inputs, outputs: outputs, precision)
      for kernel in ["large", "small"] {
        let found = try layer.gemm(kernel, hasResidual: true, order: order)
        #expect(
          largestDifference(found, layer.expected(hasResidual: true)) < layer.limit(),
          "\(kernel) \(rows) x \(outputs) x \(inputs)")
      }
    }
  }

  @Test func `a GEMM writes into wider rows and nothing between them`() throws {
    let layer = DeviceLinear(rows: 20, inputs: 24, outputs: 30, .f16)
    for stride in [33, 40] {
      let found = try layer.gemm("small", outputStride: stride)
      #expect(largestDifference(found, layer.expected()) < layer.limit())
    }
  }

  @Test(arguments: Precision.halves, Order.allCases)
  func `a norm and the layer behind it are one kernel`(precision: Precision, order: Order) throws {
    for (rows, inputs, outputs) in Self.sizes {
      let layer = DeviceLinear(rows: rows, inputs: inputs, outputs: outputs, precision)
      for rowsOfBlock in [32, 64] {
        for activation in [0, 2] {
          let found = try layer.normGEMM(
            rowsOfBlock: rowsOfBlock, activation: activation, order: order)
          let expected = layer.expected(isNormalized: true, isActivated: activation == 2)
          #expect(
            largestDifference(found, expected) < layer.limit(isNormalized: true),
            "\(rowsOfBlock), \(rows) x \(outputs) x \(inputs)")
        }
      }
    }
  }

  @Test func `a row that is no number stays the only one`() throws {
    let layer = DeviceLinear(rows: 40, inputs: 32, outputs: 16, .f16)
    var x = layer.x
    x[3 * 32 + 5] = .nan
    let out = Buffer(count: 40 * 16, .f16)
    try launch(
      "norm_gemm_mma_r32_f16", grid: (2, 1, 1), block: 128, shared: 49_152 + 32 * 40 * 2,
      .buffer(Buffer(x, .f16)), .buffer(Buffer(layer.norm.weight)),
      .buffer(Buffer(layer.norm.bias)), .float(1e-6), .buffer(Buffer(layer.weight, .f16)),
      .int(32), .buffer(Buffer(layer.bias)), .buffer(out), .int(40), .int(32), .int(16), .int(2))
    for (index, value) in out.values.enumerated() { #expect(value.isNaN == (index / 16 == 3)) }
  }

  @Test func `the approximated GELU is within 5e-4 of the exact one`() throws {
    let values = (-800...799).map { Float($0) / 100 }
    let out = Buffer(count: values.count)
    try launch(
      "combine_f32", grid: (parts(values.count, 256), 1, 1), block: 256, .buffer(Buffer(values)),
      .int(values.count), .buffer(nil), .int(0), .int(1), .buffer(out), .int(values.count), .int(1),
      .int(values.count), .int(0), .int(7))
    var furthest = 0.0
    for (x, y) in zip(values.map(Double.init), out.values.map(Double.init)) {
      let u = 0.7978845608028654 * (x + 0.044715 * x * x * x)
      #expect(abs(y - 0.5 * x * (1 + tanh(u))) < 2e-6)
      furthest = max(furthest, abs(y - ReferenceOps.gelu(x)))
    }
    #expect(furthest > 1e-4 && furthest < 5e-4)
  }
}
