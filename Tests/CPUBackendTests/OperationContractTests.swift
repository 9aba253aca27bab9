import CPUBackend
import Foundation
import Tensors
import Testing
import _TestSupport

/// The contract of every operation with every engine, precision and instruction set of the CPU.
@Suite struct OperationContractTests {
  @Test(arguments: [Precision.float32, .bfloat16, .int8], [1, 3])
  func `every operation meets its contract`(precision: Precision, threads: Int) throws {
    let backend = try CPUBackend(threads: threads, precision: precision)
    #expect(try OperationContract.failures(of: backend) == [])
  }

  @Test(.enabled(if: BLASLibraryTests.isInstalled, "no BLAS is installed"))
  func `every operation meets its contract with the blas engine`() throws {
    #expect(
      try OperationContract.failures(of: CPUBackend(threads: 2, engines: .blas())) == [])
  }

  #if arch(x86_64) && os(Linux)
    @Test func `every operation meets its contract on AVX2`() async {
      await #expect(processExitsWith: .success) { Self.check("avx2") }
    }

    @Test func `every operation meets its contract on baseline x86-64`() async {
      await #expect(processExitsWith: .success) { Self.check("sse2") }
    }

    private static func check(_ kernels: String) {
      setenv("LAB_KERNELS", kernels, 1)
      for precision in [Precision.float32, .bfloat16, .int8] {
        let failures = Result {
          try OperationContract.failures(of: CPUBackend(threads: 2, precision: precision))
        }
        #expect((try? failures.get()) == [], "\(precision): \(failures)")
      }
    }
  #endif
}
