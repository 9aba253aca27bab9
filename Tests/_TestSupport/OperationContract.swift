import Foundation
import Tensors

/// What an operation must compute on every device, independent of its kernels: odd sizes, rows
/// within wider tensors, and NaN that must stay within its row.
///
/// Each contract is written once here. The tests of a device run all of them, in every precision
/// whose activations are float32.
package struct OperationContract: Sendable, CustomStringConvertible {
  /// Runs the check and returns one sentence for each failure.
  package typealias Check = @Sendable (any Backend) throws -> [String]

  package let description: String
  /// The operation, which a device may not support.
  package let kind: OperationKind
  package let check: Check

  /// The failures of all operations that a device supports.
  package static func failures(of backend: any Backend) throws -> [String] {
    try all.filter { backend.supports($0.kind) }.flatMap { contract in
      try contract.check(backend).map { "\(contract): \($0)" }
    }
  }

  package static let all: [OperationContract] =
    linear + [
      OperationContract(description: "layer norm", kind: .normalization) { backend in
        let width = 37
        let x = randomFloats(rows * width, seed: 1)
        let (scale, shift) = (randomFloats(width, seed: 2), randomFloats(width, seed: 3))
        let norm = LayerNormParameters(
          weight: try backend.tensor(scale, Shape(width)),
          bias: try backend.tensor(shift, Shape(width)), epsilon: 1e-6)
        return try rowwise(
          backend, x, width, ReferenceOps.layerNorm(x, scale, shift, epsilon: 1e-6)
        ) { backend.layerNorm($0, norm, into: $1) }
      },
      OperationContract(description: "affine with SiLU", kind: .elementwise) { backend in
        let width = 37
        let x = randomFloats(rows * width, seed: 1)
        let (scale, shift) = (randomFloats(width, seed: 2), randomFloats(width, seed: 3))
        let (a, b) = (
          try backend.tensor(scale, Shape(width)), try backend.tensor(shift, Shape(width))
        )
        let expected = x.indices.map {
          ReferenceOps.silu(
            Double(x[$0]) * Double(scale[$0 % width]) + Double(shift[$0 % width]))
        }
        return try rowwise(backend, x, width, expected) {
          backend.affine($0, scale: a, shift: b, .silu, into: $1)
        }
      },
    ] + Activation.allCases.map(activation) + onImages

  private static let rows = 19

  // MARK: Operations

  private static let linear: [OperationContract] = [
    (1, 65, 33), (19, 64, 70), (58, 33, 192), (131, 100, 17),
  ].map { rows, inputs, outputs in
    OperationContract(description: "linear \(rows) x \(outputs) x \(inputs)", kind: .linear) {
      try checkLinear($0, rows: rows, inputs: inputs, outputs: outputs)
    }
  }

  private static func checkLinear(
    _ backend: any Backend, rows: Int, inputs: Int, outputs: Int
  ) throws -> [String] {
    let x = randomFloats(rows * inputs, seed: 1)
    let weight = randomFloats(outputs * inputs, seed: 2)
    let bias = randomFloats(outputs, seed: 3)
    let added = randomFloats(rows * outputs, seed: 4)
    let layer = try backend.linear(weight, bias)
    let sums = ReferenceOps.linear(
      x.map(backend.precision.held), weight.map(backend.precision.held), bias, inputs: inputs)
    let residual = TensorView(try backend.tensor(added, Shape(rows, outputs)))
    let epilogues: [(String, Epilogue, (Int) -> Double)] = [
      ("no epilogue", .none, { sums[$0] }),
      ("GELU", Epilogue(.gelu), { ReferenceOps.gelu(sums[$0]) }),
      ("residual", Epilogue(residual: residual), { sums[$0] + Double(added[$0]) }),
      (
        "SiLU, then a residual", Epilogue(.silu, residual: residual),
        { ReferenceOps.silu(sums[$0]) + Double(added[$0]) }
      ),
      (
        "ReLU of the sum with a residual",
        Epilogue(.relu, residual: residual, activatesSum: true),
        { max(0, sums[$0] + Double(added[$0])) }
      ),
    ]
    return try epilogues.flatMap { name, epilogue, expected in
      try rowwise(
        backend, x, inputs, outputs: outputs, sums.indices.map(expected),
        // Relative to the size of the sums, as rounding errors are.
        scale: sums.reduce(1) { max($0, abs($1)) }
      ) {
        backend.linear($0, layer, epilogue, into: $1)
      }.map { "\(name): \($0)" }
    }
  }

  private static func activation(_ activation: Activation) -> OperationContract {
    OperationContract(description: "activation \(activation)", kind: .elementwise) { backend in
      let width = 37
      let x = randomFloats(rows * width, seed: 1).map { 4 * $0 }
      let expected = x.map { ReferenceOps.activate(activation, Double($0)) }
      return try rowwise(backend, x, width, expected) {
        backend.activate($0, activation, into: $1)
      }
    }
  }

  // MARK: Rows

  /// Runs an operation on rows in the middle of wider tensors, once unchanged and once with a row
  /// of NaN.
  ///
  /// - Parameters:
  ///   - x: `width` values per row.
  ///   - outputs: The width of an output row; `nil` for the same width.
  ///   - scale: What the tolerance is relative to, at least 1; `nil` for the largest expected
  ///     value.
  private static func rowwise(
    _ backend: any Backend, _ x: [Float], _ width: Int, outputs: Int? = nil, _ expected: [Double],
    scale: Double? = nil, _ run: (_ input: TensorView, _ output: TensorView) -> Void
  ) throws -> [String] {
    let rows = x.count / width
    let outputs = outputs ?? width
    let bad = rows / 2
    var failures: [String] = []
    for isBad in [false, true] {
      var wide = [Float](repeating: 5, count: rows * (width + 8))
      for index in x.indices { wide[index / width * (width + 8) + 3 + index % width] = x[index] }
      if isBad { wide[bad * (width + 8) + 3 + width / 2] = .nan }
      let input = try backend.tensor(wide, Shape(rows, width + 8))
      let output = try backend.tensor(
        [Float](repeating: 7, count: rows * (outputs + 5)), Shape(rows, outputs + 5))
      run(
        TensorView(input).columns(3..<(3 + width)), TensorView(output).columns(2..<(2 + outputs)))
      backend.synchronize()
      try backend.check()
      let found = backend.values(output)
      let tolerance =
        backend.precision.tolerance
        * max(1, scale ?? expected.reduce(0) { max($0, abs($1)) })
      for row in 0..<rows {
        let line = Array(found[(row * (outputs + 5))..<((row + 1) * (outputs + 5))])
        if line[..<2] != [7, 7] || line[(2 + outputs)...] != [7, 7, 7] {
          failures.append("row \(row) is written outside its columns")
        }
        let own = line[2..<(2 + outputs)]
        if isBad, row == bad {
          // One column of an elementwise operation, all columns of a GEMM.
          if own.allSatisfy(\.isFinite) { failures.append("NaN was lost") }
          continue
        }
        let wanted = expected[(row * outputs)..<((row + 1) * outputs)]
        let worst = zip(own, wanted).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
        if !(worst <= tolerance) || own.contains(where: \.isNaN) {
          failures.append("row \(row) is off by \(worst), allowed are \(tolerance)")
          break
        }
      }
    }
    return failures
  }
}

extension Precision {
  /// A value as a GEMM of this precision reads it.
  ///
  /// For int8 it depends on the row, and the tolerance allows for that.
  fileprivate func held(_ value: Float) -> Float {
    switch self {
    case .float32, .int8: value
    case .tf32: rounded(value, dropping: 13)
    case .bfloat16: rounded(value, dropping: 16)
    case .float16: Float(Float16(value))
    }
  }

  private func rounded(_ value: Float, dropping bits: UInt32) -> Float {
    guard value.isFinite else { return value }
    let half = UInt32(1) << (bits - 1)
    let odd = (value.bitPattern >> bits) & 1
    return Float(bitPattern: (value.bitPattern &+ (half - 1 + odd)) & ~((1 << bits) - 1))
  }

  /// The tolerance for results of magnitude 1.
  var tolerance: Double {
    switch self {
    case .float32: 1e-5
    case .tf32: 1e-3
    case .float16: 4e-3
    case .bfloat16: 3e-2
    case .int8: 5e-2
    }
  }
}
