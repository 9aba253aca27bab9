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

  /// A GEMM with an epilogue, and what the kernels' README says of its launch.
  struct Kernel: Sendable, CustomStringConvertible {
    let description: String
    let rows: Int
    let columns: Int
    let block: Int
    let shared: Int

    static let large = Kernel(
      description: "gemm_mma_large", rows: 128, columns: 128, block: 256, shared: 49_152)
    static let small = Kernel(
      description: "gemm_mma_small", rows: 64, columns: 64, block: 128, shared: 32_768)
    static let warpgroups128 = Kernel(
      description: "gemm_wgmma_n128", rows: 128, columns: 128, block: 256, shared: 99_328)
    static let warpgroups256 = Kernel(
      description: "gemm_wgmma_n256", rows: 128, columns: 256, block: 256, shared: 197_632)
    static let all = [large, small, warpgroups128, warpgroups256]
  }

  /// GELU, then the residual; `gap` numbers, which nobody may read or write, between the rows of
  /// all operands but the residual.
  func gemm(
    _ kernel: Kernel, hasResidual: Bool = false, gap: Int = 0, outputGap: Int? = nil,
    order: Order = .forward
  ) throws -> [Float] {
    let stride = outputs + (outputGap ?? gap)
    let out = Buffer(count: rows * stride, precision)
    func spread(_ values: [Float]) -> Buffer {
      Buffer(
        (0..<(values.count / inputs)).flatMap { row in
          Array(values[(row * inputs)..<((row + 1) * inputs)])
            + [Float](repeating: .nan, count: gap)
        }, precision)
    }
    try launch(
      "\(kernel)_\(precision)",
      grid: (parts(rows, kernel.rows) * parts(outputs, kernel.columns), 1, 1),
      block: kernel.block, shared: kernel.shared, order: order, .buffer(spread(x)),
      .int(inputs + gap), .buffer(spread(weight)), .int(inputs + gap), .buffer(Buffer(bias)),
      .buffer(hasResidual ? Buffer(residual, precision) : nil), .int(outputs), .buffer(out),
      .int(stride), .int(rows), .int(inputs), .int(outputs), .int(2), .int(0))
    let values = out.values
    let isUntouched = values.indices.allSatisfy { $0 % stride < outputs || values[$0].isNaN }
    guard isUntouched else {
      throw LaunchFailure(code: -3, description: "\(kernel) wrote between rows")
    }
    return (0..<(rows * outputs)).map { values[$0 / outputs * stride + $0 % outputs] }
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

/// gemm_mma.cu, gemm_wgmma.cu and norm_gemm.cu against double precision.
@Suite struct GEMMTests {
  /// Rows, inputs and outputs that fill no tile; one stage and many.
  static let sizes = [(70, 40, 72), (131, 104, 200), (5, 8, 13), (33, 264, 64)]

  @Test(arguments: Precision.halves, Order.allCases)
  func `a GEMM ends with the exact GELU and a residual`(
    precision: Precision, order: Order
  ) throws {
    for (rows, inputs, outputs) in Self.sizes {
      let layer = DeviceLinear(rows: rows, inputs: inputs, outputs: outputs, precision)
      for kernel in DeviceLinear.Kernel.all {
        let found = try layer.gemm(kernel, hasResidual: true, order: order)
        #expect(
          largestDifference(found, layer.expected(hasResidual: true)) < layer.limit(),
          "\(kernel) \(rows) x \(outputs) x \(inputs)")
      }
    }
  }

  @Test func `a GEMM reads and writes wider rows and nothing between them`() throws {
    let layer = DeviceLinear(rows: 20, inputs: 24, outputs: 30, .f16)
    for kernel in DeviceLinear.Kernel.all {
      for outputGap in [3, 10] {
        let found = try layer.gemm(kernel, gap: 16, outputGap: outputGap)
        #expect(largestDifference(found, layer.expected()) < layer.limit(), "\(kernel)")
      }
    }
  }

  /// What the sums of products must wait for, and what must wait for them.
  @Test(.unlessSanitized, arguments: ["barriers", "waiting", "fences"])
  func `products of warpgroups without a barrier, a wait or a fence are found`(
    missing: String
  ) throws {
    let layer = DeviceLinear(rows: 40, inputs: 520, outputs: 72, .f16)
    let right = try layer.gemm(.warpgroups128)
    let faulty = DeviceLinear.Kernel(
      description: "fault_without_\(missing)_gemm_wgmma_n128", rows: 128, columns: 128, block: 256,
      shared: 99_328)
    let wrong = try Order.allCases.count { order in
      do {
        return try layer.gemm(faulty, order: order) != right
      } catch let failure as LaunchFailure where failure.code == 4 {
        // Stopped by the rule that it breaks.
        return true
      }
    }
    #expect(wrong > 0)
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
