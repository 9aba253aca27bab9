import CKernels
import COpenBLAS
import Foundation

/// The system's BLAS, which the `blas` engine uses.
package struct BLASLibrary: Hashable, Sendable {
  /// `OpenBLAS` or `Accelerate`.
  package let name: String
  package let version: String
  /// The CPU type whose kernels the library has chosen; empty if it does not report it.
  package let kernels: String

  /// For display: `OpenBLAS 0.3.29, SkylakeX kernels`.
  package var summary: String {
    (version.isEmpty ? name : "\(name) \(version)")
      + (kernels.isEmpty ? "" : ", \(kernels) kernels")
  }

  /// Opens the library once per process and compares its products with ours.
  ///
  /// Some builds compute wrong results on some CPUs, or with kernels selected by
  /// `OPENBLAS_CORETYPE`. `LAB_BLAS` in the environment names a library to use instead of the
  /// system's.
  ///
  /// - Throws: `CPUBackendError.blasUnavailable`, `.blasIsWrong`.
  package static func open() throws(CPUBackendError) -> BLASLibrary {
    try opened.get()
  }

  private static let opened: Result<BLASLibrary, CPUBackendError> = {
    var reason: UnsafePointer<CChar>?
    guard let found = lab_blas_open(ProcessInfo.processInfo.environment["LAB_BLAS"], &reason) else {
      return .failure(.blasUnavailable(reason: reason.map { String(cString: $0) } ?? ""))
    }
    let library = BLASLibrary(
      name: String(cString: found.pointee.name), version: text(found.pointee.version),
      kernels: text(found.pointee.kernels))
    for shape in checkedShapes {
      let difference = largestDifference(shape)
      guard difference <= tolerance else {
        return .failure(
          .blasIsWrong(
            library: library.summary,
            shape: "\(shape.rows) x \(shape.columns) x \(shape.k)", difference: difference))
      }
    }
    return .success(library)
  }()

  private static func text<Characters>(_ characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// One row, few rows, and as many as an image has tokens; columns and k that no vector width
  /// divides.
  private static let checkedShapes = [
    (rows: 1, columns: 1000, k: 384), (rows: 7, columns: 33, k: 65),
    (rows: 197, columns: 197, k: 64), (rows: 64, columns: 192, k: 771),
  ]

  /// For sums of up to 771 terms of magnitude at most 1, in any order.
  private static let tolerance: Float = 1e-3

  /// The largest difference between the library's product and ours, for a plain and a transposed
  /// matrix.
  private static func largestDifference(_ shape: (rows: Int, columns: Int, k: Int)) -> Float {
    let (rows, columns, k) = shape
    func ramp(_ count: Int, _ factor: Int) -> [Float] {
      (0..<count).map { Float($0 * factor % 127 - 63) / 64 }
    }
    let a = ramp(rows * k, 31)
    let weight = ramp(columns * k, 57)
    let plain = (0..<k).flatMap { line in (0..<columns).map { weight[$0 * k + line] } }
    var packed = [Float](repeating: 0, count: lab_packed_count(columns, k))
    lab_pack_transposed(weight, columns, k, k, 0, lab_panels(columns), &packed)
    var scratch = [Float](repeating: 0, count: lab_gemm_scratch_count(rows))
    var own = [Float](repeating: 0, count: rows * columns)
    lab_gemm(
      a, rows, k, packed, columns, k, 0, lab_panels(columns), lab_prefetch(), nil,
      Int32(LAB_EPILOGUE_NONE), &own, columns, &scratch)
    var worst: Float = 0
    for transposed in [false, true] {
      var other = [Float](repeating: .nan, count: rows * columns)
      lab_blas_product(
        transposed, Int32(rows), Int32(columns), Int32(k), a, Int32(k),
        transposed ? weight : plain, Int32(transposed ? k : columns), 0, &other, Int32(columns))
      for (x, y) in zip(own, other) {
        // NaN counts as the largest error.
        worst = abs(x - y) <= worst ? worst : (abs(x - y).isNaN ? .infinity : abs(x - y))
      }
    }
    return worst
  }
}
