import CPUBackend
import Foundation
import Testing

/// Opening, rejecting and describing the system's BLAS.
@Suite struct BLASLibraryTests {
  static let isInstalled = (try? BLASLibrary.open()) != nil

  @Test(.enabled(if: isInstalled, "no OpenBLAS is installed"))
  func `the library reports its name, version and kernels`() throws {
    let library = try BLASLibrary.open()
    #expect(["OpenBLAS", "Accelerate"].contains(library.name))
    if library.name == "OpenBLAS" {
      #expect(library.version.contains("."))
      #expect(!library.kernels.isEmpty)
      #expect(library.summary == "OpenBLAS \(library.version), \(library.kernels) kernels")
    }
  }

  #if os(Linux)
    @Test func `a missing library is reported in one sentence`() async {
      await #expect(processExitsWith: .success) {
        setenv("LAB_BLAS", "/nowhere/libopenblas.so", 1)
        let error = #expect(throws: CPUBackendError.self) { try BLASLibrary.open() }
        #expect(
          error?.description
            == "cpu: no BLAS for the engine \"blas\" (/nowhere/libopenblas.so: cannot open shared "
            + "object file: No such file or directory); install libopenblas-dev, or use the engine "
            + "\"packed\"")
      }
    }

    @Test func `a library without GEMM is reported in one sentence`() async {
      await #expect(processExitsWith: .success) {
        setenv("LAB_BLAS", "libm.so.6", 1)
        let error = #expect(throws: CPUBackendError.self) { try BLASLibrary.open() }
        #expect(error?.description.contains("(it has no cblas_sgemm)") == true)
      }
    }
  #endif
}
