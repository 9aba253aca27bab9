import CKernels
import Foundation
import Testing
import _TestSupport

/// The packed GEMM against plain loops in double precision.
@Suite struct GEMMTests {
  /// All tile heights, one and several panels, partial panels, k in one part and in three, and rows
  /// that map to the same cache sets.
  static let shapes: [(rows: Int, columns: Int, k: Int)] =
    (1...29).map { ($0, 40, 24) } + [1, 7, 8, 12, 15, 16, 17, 31, 32, 33, 65].map { (9, $0, 30) }
    + [(30, 33, 1030), (29, 40, 1024), (3, 20, 2048)]

  @Test(arguments: shapes, [LAB_EPILOGUE_NONE, LAB_EPILOGUE_ADD, LAB_EPILOGUE_GELU])
  func `packed GEMM matches the reference`(
    shape: (rows: Int, columns: Int, k: Int), epilogue: Int
  ) {
    #expect(Self.worst(shape, epilogue: Int32(epilogue)) < 1e-5)
  }

  #if arch(x86_64) && os(Linux)
    @Test func `AVX2 GEMM matches the reference`() async {
      await #expect(processExitsWith: .success) {
        setenv("LAB_KERNELS", "avx2", 1)
        Self.checkAll(kernels: "AVX2 6x16")
      }
    }

    @Test func `baseline x86-64 GEMM matches the reference`() async {
      await #expect(processExitsWith: .success) {
        setenv("LAB_KERNELS", "sse2", 1)
        Self.checkAll(kernels: "SSE2 6x8")
      }
    }
  #endif

  private static func checkAll(kernels: String) {
    #expect(String(cString: lab_gemm_kernels()) == kernels)
    for shape in shapes {
      for epilogue in [LAB_EPILOGUE_NONE, LAB_EPILOGUE_ADD, LAB_EPILOGUE_GELU] {
        #expect(worst(shape, epilogue: Int32(epilogue)) < 1e-5, "\(shape), epilogue \(epilogue)")
      }
    }
  }

  @Test func `the result for a row does not depend on the other rows`() {
    let (rows, columns, k) = (29, 70, 600)
    let a = randomFloats(rows * k, seed: 1)
    let packed = Self.pack(randomFloats(columns * k, seed: 2), columns, k)
    let together = Self.gemm(a, rows, packed, columns, k)
    for row in 0..<rows {
      let alone = Self.gemm(
        Array(a[(row * k)..<((row + 1) * k)]), 1, packed, columns, k)
      #expect(alone == Array(together[(row * columns)..<((row + 1) * columns)]))
    }
  }

  @Test func `values packed plain and keys packed transposed give the same matrix`() {
    let (columns, k) = (37, 21)
    let keys = randomFloats(columns * k, seed: 5)
    let values = (0..<k).flatMap { line in (0..<columns).map { keys[$0 * k + line] } }
    var plain = [Float](repeating: .nan, count: lab_packed_count(columns, k))
    lab_pack_plain(values, columns, k, columns, &plain)
    #expect(plain == Self.pack(keys, columns, k))
  }

  @Test(arguments: [(29, 70, 600), (5, 40, 24)])
  func `prefetching does not change results`(shape: (rows: Int, columns: Int, k: Int)) {
    let (rows, columns, k) = shape
    let a = randomFloats(rows * k, seed: 1)
    let packed = Self.pack(randomFloats(columns * k, seed: 2), columns, k)
    let plain = Self.gemm(a, rows, packed, columns, k)
    var panel = lab_prefetch()
    panel.next_panel = 1
    #expect(Self.gemm(a, rows, packed, columns, k, prefetch: panel) == plain)
    let others = randomFloats(k * 96, seed: 3)
    others.withUnsafeBufferPointer {
      let heads = lab_prefetch(
        next_panel: 0, rows: $0.baseAddress, row_stride: 96, width: 20, piece_stride: 32, pieces: 3
      )
      #expect(Self.gemm(a, rows, packed, columns, k, prefetch: heads) == plain)
    }
  }

  // MARK: - One GEMM

  /// The largest error divided by the square root of k.
  private static func worst(_ shape: (rows: Int, columns: Int, k: Int), epilogue: Int32) -> Double {
    let (rows, columns, k) = shape
    let a = randomFloats(rows * k, seed: 1)
    let weight = randomFloats(columns * k, seed: 2)
    let bias = randomFloats(columns, seed: 3)
    let before = randomFloats(rows * columns, seed: 4)
    let result = gemm(
      a, rows, pack(weight, columns, k), columns, k, bias: bias, epilogue: epilogue, onto: before)
    let expected = zip(ReferenceOps.linear(a, weight, bias, inputs: k), before).map {
      switch Int(epilogue) {
      case LAB_EPILOGUE_ADD: $0 + Double($1)
      case LAB_EPILOGUE_GELU: ReferenceOps.gelu($0)
      default: $0
      }
    }
    return largestDifference(result, expected) / Double(k).squareRoot()
  }

  private static func pack(_ weight: [Float], _ columns: Int, _ k: Int) -> [Float] {
    var packed = [Float](repeating: .nan, count: lab_packed_count(columns, k))
    lab_pack_transposed(weight, columns, k, k, 0, lab_panels(columns), &packed)
    return packed
  }

  private static func gemm(
    _ a: [Float], _ rows: Int, _ packed: [Float], _ columns: Int, _ k: Int,
    bias: [Float]? = nil, epilogue: Int32 = Int32(LAB_EPILOGUE_NONE), onto before: [Float]? = nil,
    prefetch: lab_prefetch = lab_prefetch()
  ) -> [Float] {
    // Each row is followed by a value that must not be changed.
    let stride = columns + 1
    var c = [Float](repeating: 7, count: rows * stride)
    for row in 0..<rows {
      for column in 0..<columns {
        c[row * stride + column] = before?[row * columns + column] ?? .nan
      }
    }
    var padded = [Float](repeating: 0, count: lab_packed_count(columns, 1))
    if let bias { padded.replaceSubrange(0..<columns, with: bias) }
    var scratch = [Float](repeating: 0, count: lab_gemm_scratch_count(rows))
    lab_gemm(
      a, rows, k, packed, columns, k, 0, lab_panels(columns), prefetch, padded, epilogue, &c,
      stride, &scratch)
    #expect((0..<rows).allSatisfy { c[$0 * stride + columns] == 7 })
    return (0..<rows).flatMap { Array(c[($0 * stride)..<($0 * stride + columns)]) }
  }
}
