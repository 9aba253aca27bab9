import CKernels
import Foundation
import Testing
import _TestSupport

/// The packed matrix product against plain loops in double precision.
@Suite struct ProductTests {
  /// Every height of a tile, one panel to several and cut ones, a depth in one part and in three,
  /// rows that share cache sets.
  static let shapes: [(rows: Int, columns: Int, depth: Int)] =
    (1...29).map { ($0, 40, 24) } + [1, 7, 8, 12, 15, 16, 17, 31, 32, 33, 65].map { (9, $0, 30) }
    + [(30, 33, 1030), (29, 40, 1024), (3, 20, 2048)]

  @Test(arguments: shapes, [LAB_EPILOGUE_NONE, LAB_EPILOGUE_ADD, LAB_EPILOGUE_GELU])
  func `a packed product is the reference's`(
    shape: (rows: Int, columns: Int, depth: Int), then: Int
  ) {
    #expect(Self.worst(shape, then: Int32(then)) < 1e-5)
  }

  #if arch(x86_64) && os(Linux)
    @Test func `AVX2 kernels give the reference's products`() async {
      await #expect(processExitsWith: .success) {
        setenv("LAB_KERNELS", "avx2", 1)
        Self.checkAll(kernels: "AVX2 6x16")
      }
    }

    @Test func `plain kernels give the reference's products`() async {
      await #expect(processExitsWith: .success) {
        setenv("LAB_KERNELS", "sse2", 1)
        Self.checkAll(kernels: "SSE2 6x8")
      }
    }
  #endif

  private static func checkAll(kernels: String) {
    #expect(String(cString: lab_product_kernels()) == kernels)
    for shape in shapes {
      for then in [LAB_EPILOGUE_NONE, LAB_EPILOGUE_ADD, LAB_EPILOGUE_GELU] {
        #expect(worst(shape, then: Int32(then)) < 1e-5, "\(shape), then \(then)")
      }
    }
  }

  @Test func `a row's product is the same bits whatever rows stand next to it`() {
    let (rows, columns, depth) = (29, 70, 600)
    let a = randomFloats(rows * depth, seed: 1)
    let packed = Self.pack(randomFloats(columns * depth, seed: 2), columns, depth)
    let together = Self.product(a, rows, packed, columns, depth)
    for row in 0..<rows {
      let alone = Self.product(
        Array(a[(row * depth)..<((row + 1) * depth)]), 1, packed, columns, depth)
      #expect(alone == Array(together[(row * columns)..<((row + 1) * columns)]))
    }
  }

  @Test func `values packed as they stand and keys packed transposed are the same factor`() {
    let (columns, depth) = (37, 21)
    let keys = randomFloats(columns * depth, seed: 5)
    let values = (0..<depth).flatMap { k in (0..<columns).map { keys[$0 * depth + k] } }
    var plain = [Float](repeating: .nan, count: lab_packed_count(columns, depth))
    lab_pack_plain(values, columns, depth, columns, &plain)
    #expect(plain == Self.pack(keys, columns, depth))
  }

  @Test(arguments: [(29, 70, 600), (5, 40, 24)])
  func `what is fetched meanwhile changes no number`(shape: (rows: Int, columns: Int, depth: Int)) {
    let (rows, columns, depth) = shape
    let a = randomFloats(rows * depth, seed: 1)
    let packed = Self.pack(randomFloats(columns * depth, seed: 2), columns, depth)
    let plain = Self.product(a, rows, packed, columns, depth)
    var panel = lab_fetch()
    panel.panel_after = 1
    #expect(Self.product(a, rows, packed, columns, depth, fetch: panel) == plain)
    let others = randomFloats(depth * 96, seed: 3)
    others.withUnsafeBufferPointer {
      let heads = lab_fetch(
        panel_after: 0, rows: $0.baseAddress, row_stride: 96, width: 20, piece_stride: 32, pieces: 3
      )
      #expect(Self.product(a, rows, packed, columns, depth, fetch: heads) == plain)
    }
  }

  // MARK: - One product

  /// Largest difference to the reference, relative to the length of the sum.
  private static func worst(_ shape: (rows: Int, columns: Int, depth: Int), then: Int32) -> Double {
    let (rows, columns, depth) = shape
    let a = randomFloats(rows * depth, seed: 1)
    let weight = randomFloats(columns * depth, seed: 2)
    let bias = randomFloats(columns, seed: 3)
    let before = randomFloats(rows * columns, seed: 4)
    let result = product(
      a, rows, pack(weight, columns, depth), columns, depth, bias: bias, then: then, onto: before)
    let expected = zip(ReferenceOps.linear(a, weight, bias, inputs: depth), before).map {
      switch Int(then) {
      case LAB_EPILOGUE_ADD: $0 + Double($1)
      case LAB_EPILOGUE_GELU: ReferenceOps.gelu($0)
      default: $0
      }
    }
    return largestDifference(result, expected) / Double(depth).squareRoot()
  }

  private static func pack(_ weight: [Float], _ columns: Int, _ depth: Int) -> [Float] {
    var packed = [Float](repeating: .nan, count: lab_packed_count(columns, depth))
    lab_pack_transposed(weight, columns, depth, depth, 0, lab_panels(columns), &packed)
    return packed
  }

  private static func product(
    _ a: [Float], _ rows: Int, _ packed: [Float], _ columns: Int, _ depth: Int,
    bias: [Float]? = nil, then: Int32 = Int32(LAB_EPILOGUE_NONE), onto before: [Float]? = nil,
    fetch: lab_fetch = lab_fetch()
  ) -> [Float] {
    // Behind each row stands a number that no product may touch.
    let stride = columns + 1
    var c = [Float](repeating: 7, count: rows * stride)
    for row in 0..<rows {
      for column in 0..<columns {
        c[row * stride + column] = before?[row * columns + column] ?? .nan
      }
    }
    var padded = [Float](repeating: 0, count: lab_packed_count(columns, 1))
    if let bias { padded.replaceSubrange(0..<columns, with: bias) }
    var scratch = [Float](repeating: 0, count: lab_product_scratch_count(rows))
    lab_product(
      a, rows, depth, packed, columns, depth, 0, lab_panels(columns), fetch, padded, then, &c,
      stride, &scratch)
    #expect((0..<rows).allSatisfy { c[$0 * stride + columns] == 7 })
    return (0..<rows).flatMap { Array(c[($0 * stride)..<($0 * stride + columns)]) }
  }
}
