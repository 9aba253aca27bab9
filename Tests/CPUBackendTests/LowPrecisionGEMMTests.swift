import CKernels
import Foundation
import Testing
import _TestSupport

/// GEMM in bfloat16 and int8 against plain loops in double precision on the same rounded values.
@Suite struct LowPrecisionGEMMTests {
  struct Case: Sendable, CustomStringConvertible {
    let rows: Int
    let columns: Int
    let k: Int
    let epilogue: Int

    var description: String { "\(rows) x \(columns) x \(k), epilogue \(epilogue)" }
  }

  /// All tile heights, partial panels, odd k, and k in one part and in several.
  static let epilogues = [LAB_EPILOGUE_NONE, LAB_EPILOGUE_ADD, LAB_EPILOGUE_GELU]
  static let cases: [Case] = epilogues.flatMap { epilogue in
    ((1...30).map { ($0, 40, 27) } + [1, 7, 16, 17, 31, 33, 70].map { (9, $0, 30) }
      + [(29, 70, 2111), (5, 33, 1024), (1, 1, 1)])
      .map { Case(rows: $0.0, columns: $0.1, k: $0.2, epilogue: Int(epilogue)) }
  }

  @Test(arguments: cases)
  func `GEMM of rounded values matches the reference`(_ each: Case) {
    #expect(Self.bfloat16Error(each) < 1e-5)
    #expect(Self.int8Error(each) < 1e-5)
  }

  @Test func `dot products without products of matrices give the same results`() async {
    await #expect(processExitsWith: .success) { Self.checkAll(kernels: "dot") }
  }

  #if arch(arm64)
    @Test func `baseline NEON gives the same results`() async {
      await #expect(processExitsWith: .success) { Self.checkAll(kernels: "neon") }
    }
  #endif

  #if arch(x86_64) && os(Linux)
    @Test func `AVX-512 without bfloat16 and int8 instructions gives the same results`() async {
      await #expect(processExitsWith: .success) { Self.checkAll(kernels: "avx512") }
    }

    @Test func `AVX2 gives the same results`() async {
      await #expect(processExitsWith: .success) { Self.checkAll(kernels: "avx2") }
    }

    @Test func `baseline x86-64 gives the same results`() async {
      await #expect(processExitsWith: .success) { Self.checkAll(kernels: "sse2") }
    }
  #endif

  @Test func `rounding to bfloat16 is to nearest, ties to even, and keeps NaN`() {
    // 1 + 2^-8 is half way between 1 and 1 + 2^-7, of which 1 is even. 1 + 3 * 2^-8 is rounded up.
    #expect(lab_round_bfloat16(1 + 0x1p-8) == 1)
    #expect(lab_round_bfloat16(1 + 3 * 0x1p-8) == 1 + 0x1p-6)
    #expect(lab_round_bfloat16(-1 - 0x1p-8 - 0x1p-20) == -1 - 0x1p-7)
    #expect(lab_round_bfloat16(.infinity) == .infinity)
    #expect(lab_round_bfloat16(.greatestFiniteMagnitude) == .infinity)
    #expect(lab_round_bfloat16(.nan).isNaN)
    #expect(lab_round_bfloat16(Float(bitPattern: 0x7F80_0001)).isNaN)
  }

  @Test(arguments: [(37, 21), (33, 300), (32, 128), (1, 1)])
  func `values packed plain and keys packed transposed give the same matrix`(
    size: (columns: Int, k: Int)
  ) {
    let (columns, k) = size
    let keys = randomFloats(columns * k, seed: 5)
    let values = (0..<k).flatMap { at in (0..<columns).map { keys[$0 * k + at] } }
    func pack(_ b: [Float], _ columnStride: Int, _ kStride: Int) -> [UInt8] {
      var packed = [UInt8](repeating: 7, count: lab_bfloat16_packed_bytes(columns, k))
      lab_pack_bfloat16(
        b, columns, k, columnStride, kStride, 0, lab_bfloat16_panels(columns), &packed)
      return packed
    }
    #expect(pack(keys, k, 1) == pack(values, 1, columns))
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func `NaN and infinity in a row reach all of its results and no other row`(bad: Float) {
    let each = Case(rows: 5, columns: 40, k: 27, epilogue: Int(LAB_EPILOGUE_NONE))
    var operands = Operands(each)
    operands.a[2 * each.k + 3] = bad
    for output in [operands.bfloat16(), operands.int8()] {
      for row in 0..<each.rows {
        let finite = output[(row * each.columns)..<((row + 1) * each.columns)].filter(\.isFinite)
        #expect(finite.count == (row == 2 ? 0 : each.columns))
      }
    }
  }

  @Test func `a row of zeros gives the bias`() {
    let each = Case(rows: 3, columns: 33, k: 20, epilogue: Int(LAB_EPILOGUE_NONE))
    var operands = Operands(each)
    operands.a = [Float](repeating: 0, count: operands.a.count)
    for output in [operands.bfloat16(), operands.int8()] {
      #expect(output == (0..<3).flatMap { _ in operands.bias[..<33] })
    }
  }

  private static func checkAll(kernels: String) {
    setenv("LAB_KERNELS", kernels, 1)
    for each in cases {
      #expect(bfloat16Error(each) < 1e-5, "\(each)")
      #expect(int8Error(each) < 1e-5, "\(each)")
    }
  }

  /// The largest error divided by the square root of the number of terms.
  private static func bfloat16Error(_ each: Case) -> Double {
    let operands = Operands(each)
    return operands.error(of: operands.bfloat16()) { row, column in
      (0..<each.k).reduce(0.0) {
        $0 + Double(lab_round_bfloat16(operands.a[row * each.k + $1]))
          * Double(lab_round_bfloat16(operands.b[column * each.k + $1]))
      }
    }
  }

  private static func int8Error(_ each: Case) -> Double {
    let operands = Operands(each)
    func quantized(_ values: [Float], _ line: Int) -> (scale: Float, values: [Int]) {
      let own = values[(line * each.k)..<((line + 1) * each.k)]
      let maximum = own.map(abs).max() ?? 0
      return (maximum / 127, own.map { Int(($0 * (127 / maximum)).rounded(.toNearestOrEven)) })
    }
    let rows = (0..<each.rows).map { quantized(operands.a, $0) }
    let columns = (0..<each.columns).map { quantized(operands.b, $0) }
    return operands.error(of: operands.int8()) { row, column in
      let sum = zip(rows[row].values, columns[column].values).reduce(0) { $0 + $1.0 * $1.1 }
      return Double(sum) * Double(rows[row].scale) * Double(columns[column].scale)
    }
  }
}

/// The operands of a GEMM, and the GEMM itself.
private struct Operands {
  let shape: LowPrecisionGEMMTests.Case
  /// `[rows, k]` and `[columns, k]`.
  var a: [Float]
  let b: [Float]
  /// Padded to whole panels.
  let bias: [Float]
  /// `[rows, columns]` before the GEMM.
  let before: [Float]

  init(_ shape: LowPrecisionGEMMTests.Case) {
    self.shape = shape
    a = randomFloats(shape.rows * shape.k, seed: 1)
    b = randomFloats(shape.columns * shape.k, seed: 2)
    bias = randomFloats(shape.columns + 64, seed: 3)
    before = randomFloats(shape.rows * shape.columns, seed: 4)
  }

  func bfloat16() -> [Float] {
    let stride = lab_bfloat16_row_bytes(shape.k) + 4
    let panels = lab_bfloat16_panels(shape.columns)
    var packed = [UInt8](repeating: 255, count: lab_bfloat16_packed_bytes(shape.columns, shape.k))
    lab_pack_bfloat16(b, shape.columns, shape.k, shape.k, 1, 0, panels, &packed)
    var rows = [UInt8](repeating: 255, count: shape.rows * stride)
    lab_round_rows_bfloat16(a, shape.rows, shape.k, shape.k, &rows, stride)
    var c = before
    lab_gemm_bfloat16(
      rows, shape.rows, stride, packed, shape.columns, shape.k, 0, panels, 0, bias,
      Int32(shape.epilogue), &c, shape.columns)
    return c
  }

  func int8() -> [Float] {
    let stride = lab_int8_row_bytes(shape.k) + 4
    let panels = lab_int8_panels(shape.columns)
    var packed = [UInt8](repeating: 255, count: lab_int8_packed_bytes(shape.columns, shape.k))
    lab_pack_int8(b, shape.columns, shape.k, shape.k, 0, panels, &packed)
    var rows = [UInt8](repeating: 255, count: shape.rows * stride)
    var scales = [Float](repeating: .nan, count: shape.rows)
    lab_quantize_rows_int8(a, shape.rows, shape.k, shape.k, &rows, stride, &scales)
    var c = before
    lab_gemm_int8(
      rows, scales, shape.rows, stride, packed, shape.columns, shape.k, 0, panels, 0, bias,
      Int32(shape.epilogue), &c, shape.columns)
    return c
  }

  /// The largest difference between `output` and the epilogue of `product(row, column)`, divided by
  /// max(1, √k).
  func error(of output: [Float], _ product: (Int, Int) -> Double) -> Double {
    var worst = 0.0
    for row in 0..<shape.rows {
      for column in 0..<shape.columns {
        let at = row * shape.columns + column
        var expected = product(row, column) + Double(bias[column])
        if shape.epilogue == Int(LAB_EPILOGUE_ADD) { expected += Double(before[at]) }
        if shape.epilogue == Int(LAB_EPILOGUE_GELU) {
          expected = 0.5 * expected * (1 + erf(expected / 2.0.squareRoot()))
        }
        let difference = abs(Double(output[at]) - expected)
        worst = difference.isNaN ? .infinity : max(worst, difference)
      }
    }
    return worst / max(1, Double(shape.k).squareRoot())
  }
}
