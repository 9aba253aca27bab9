import CCUDA
import Foundation
import Tensors
import Testing

@testable import CUDABackend

/// Our description of products against NVIDIA's own cuBLASLt, where no driver is needed.
///
/// Every call that describes a product is carried out, and what was set is read back.
@Suite struct RealGEMMTests {
  /// `LAB_CUBLASLT`, or the wheel that `Scripts/nvrtc.sh cublas` installs.
  private static let path: String? = {
    var root = URL(filePath: #filePath)
    for _ in 0..<3 { root.deleteLastPathComponent() }
    let wheel = root.appending(path: ".build/nvrtc/cublas/nvidia/cu13/lib/libcublasLt.so.13").path
    return [ProcessInfo.processInfo.environment["LAB_CUBLASLT"], wheel].compactMap { $0 }
      .first { FileManager.default.fileExists(atPath: $0) }
  }()

  private typealias Get =
    @convention(c) (
      Handle, Int32, UnsafeMutableRawPointer, Int, UnsafeMutablePointer<Int>
    ) -> Int32

  @Test(
    .enabled(
      if: path != nil,
      "libcublasLt is not installed: Scripts/nvrtc.sh cublas installs it, or LAB_CUBLASLT names it")
  )
  func `the library takes every attribute and gives it back`() throws {
    let path = try #require(Self.path)
    let library = try #require(dlopen(path, RTLD_NOW | RTLD_LOCAL))
    var missing: UnsafePointer<CChar>?
    let table = try #require(lab_cublaslt_create(lab_library_symbol, library, &missing))
    defer { free(table) }
    func get<Value: BitwiseCopyable>(
      _ function: String, _ object: Handle, _ attribute: Int, _ zero: Value
    ) throws -> Value {
      let read = unsafeBitCast(try #require(dlsym(library, function)), to: Get.self)
      var value = zero
      var written = 0
      #expect(read(object, attribute.code, &value, MemoryLayout<Value>.size, &written) == 0)
      #expect(written == MemoryLayout<Value>.size, "\(function) \(attribute)")
      return value
    }
    for (type, output) in [
      (DType.float32, DType.float32), (.float16, .float16), (.bfloat16, .float32),
    ] {
      let shape = GEMMShape(
        rows: 197, outputs: 1152, k: 384, weightStride: 384, inputStride: 392, type: type,
        outputType: output, hasBias: true, accumulates: false, isTF32: type == .float32,
        alignment: 16)
      var plan = GEMMPlan()
      func check(_ code: Int32, _ operation: String) throws(CUDAError) {
        guard code != 0 else { return }
        throw .call(operation: operation, card: "", code: "\(code)", reason: "")
      }
      try plan.create(table, shape, check: check)
      defer { plan.destroy(table) }
      let of = "cublasLtMatmulDescGetAttribute"
      #expect(try get(of, plan.description, LAB_CUBLASLT_DESC_TRANSA, Int32(-1)) == 1)
      #expect(try get(of, plan.description, LAB_CUBLASLT_DESC_TRANSB, Int32(-1)) == 0)
      #expect(try get(of, plan.description, LAB_CUBLASLT_DESC_EPILOGUE, UInt32(0)) == 4)
      // CUBLASLT_MATRIX_LAYOUT_TYPE, ROWS, COLS and LD are 0, 2, 3 and 4.
      let layout = "cublasLtMatrixLayoutGetAttribute"
      for (operand, rows, columns, stride, kind) in [
        (plan.weight, 384, 1152, 384, type), (plan.input, 384, 197, 392, type),
        (plan.output, 1152, 197, 1152, output),
      ] {
        let number: [DType: UInt32] = [.float32: 0, .float16: 2, .bfloat16: 14]
        #expect(try get(layout, operand, 0, UInt32(99)) == number[kind])
        #expect(try get(layout, operand, 2, UInt64(0)) == UInt64(rows))
        #expect(try get(layout, operand, 3, UInt64(0)) == UInt64(columns))
        #expect(try get(layout, operand, 4, Int64(0)) == Int64(stride))
      }
      let preference = try GEMMPlan.preference(
        table, workspaceBytes: 32 << 20, alignment: 16, check: check)
      defer { _ = table.pointee.cublasLtMatmulPreferenceDestroy(preference) }
      let wish = "cublasLtMatmulPreferenceGetAttribute"
      #expect(try get(wish, preference, LAB_CUBLASLT_PREF_MAX_WORKSPACE, 0) == 32 << 20)
      #expect(try get(wish, preference, LAB_CUBLASLT_PREF_REDUCTION_SCHEMES, UInt32(0)) == 2)
      #expect(try get(wish, preference, LAB_CUBLASLT_PREF_ALIGNMENT_D, UInt32(0)) == 16)
    }
    let version = CUDALibraries.gemmVersion(table.pointee.cublasLtGetVersion())
    #expect(CUDALibraryKind.majors.contains(version.major), "\(version.text)")
  }
}
