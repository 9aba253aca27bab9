import CKernels
import Files
import Foundation
import Support
import Tensors
import Testing
import _TestSupport

@testable import CPUBackend

/// Selection, names and errors of the CPU's GEMM engines.
@Suite struct EngineTests {
  private static func sentence(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "nothing"
    } catch { return "\(error)" }
  }

  @Test func `our kernels are named by instruction set and are not recorded as an engine`()
    throws
  {
    let backend = try CPUBackend(threads: 1)
    #expect(backend.engine == nil)
    #expect(backend.libraryDescription.hasPrefix("packed: lab "))
    #expect(try backend.using(engine: "packed") === backend)
  }

  @Test(.enabled(if: BLASLibraryTests.isInstalled, "no BLAS is installed"))
  func `the blas engine is named with library, version and kernels`() throws {
    let backend = try CPUBackend(threads: 1).using(engine: "blas")
    #expect(backend.engine == "blas")
    let library = try BLASLibrary.open()
    #expect(backend.libraryDescription == "blas: \(library.summary)")
  }

  @Test(.enabled(if: BLASLibraryTests.isInstalled, "no BLAS is installed"))
  func `the blas engine refuses other precisions with one sentence`() throws {
    let backend = try CPUBackend(threads: 1).using(engine: "blas")
    #expect(
      Self.sentence { _ = try backend.computing(at: .int8) }
        == "cpu: the engine \"blas\" computes only float32, not int8; use the engine "
        + "\"packed\"")
  }

  @Test func `float16 is refused with one sentence`() throws {
    let backend = try CPUBackend(threads: 1)
    #expect(
      Self.sentence { _ = try backend.computing(at: .float16) }
        == "cpu: does not compute in float16; it computes in float32, bfloat16 and int8")
  }

  @Test func `an unknown engine is refused with one sentence`() throws {
    let backend = try CPUBackend(threads: 1)
    #expect(
      Self.sentence { _ = try backend.using(engine: "mkl") }
        == "cpu: has no engine \"mkl\"; it has \"auto\", \"packed\" and \"blas\"")
  }

  @Test(.enabled(if: BLASLibraryTests.isInstalled, "no BLAS is installed"))
  func `a trial is cached by CPU, kernels and library, and the cached result is used`() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("engines-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let cache = CacheFolder(folder)
    let library = try BLASLibrary.open()
    let identity = [
      "3", Processor.name, String(cString: lab_gemm_kernels()), library.summary,
    ].joined(separator: "; ")
    func stored() throws -> [String: String] {
      guard let data = cache.read("engines.json") else { return [:] }
      return try JSONDecoder().decode([String: String].self, from: data)
    }
    // An unclear trial uses our kernels, and is repeated by the next process.
    let unclear = EngineTrial(cache) { [.unclear, .blasIsFaster] }.choice()
    #expect(unclear.name == "packed, attention blas")
    #expect(try stored() == [:])
    let clear = EngineTrial(cache) { [.packedIsEnough, .blasIsFaster] }.choice()
    #expect(clear.name == "packed, attention blas" && clear.isTried)
    #expect(try stored() == [identity: "packed blas"])
    #expect(EngineTrial(cache) { nil }.choice() == clear)
    cache.write(try JSONEncoder().encode([identity: "blas packed"]), "engines.json")
    let second = EngineTrial(cache).choice()
    #expect(second.name == "blas, attention packed")
    #expect(second.description(.float32).hasSuffix("(by trial)"))
    // An invalid line is replaced by a new trial.
    cache.write(try JSONEncoder().encode([identity: "fast"]), "engines.json")
    #expect(EngineTrial(cache).choice().isTried)
  }

  @Test func `a BLAS must be clearly faster, also on a busy machine`() {
    func rounds(_ ratio: Double, disturbed: Int = 0, by factor: Double = 1) -> [Double] {
      (0..<24).map { $0 < disturbed ? ratio * factor : ratio * (1 + 0.001 * Double($0)) }
    }
    #expect(EngineTrial.verdict(rounds(0.3)) == .blasIsFaster)
    #expect(EngineTrial.verdict(rounds(0.3, disturbed: 5, by: 4)) == .blasIsFaster)
    #expect(EngineTrial.verdict(rounds(0.95)) == .packedIsEnough)
    #expect(EngineTrial.verdict(rounds(1.2, disturbed: 5, by: 0.3)) == .packedIsEnough)
    // Half of the rounds were disturbed in one direction, and half in the other.
    #expect(EngineTrial.verdict(rounds(1.2, disturbed: 12, by: 0.5)) == .unclear)
  }

  #if os(Linux)
    @Test func `without a library, auto uses our kernels, and blas says what to install`() async {
      await #expect(processExitsWith: .success) {
        setenv("LAB_BLAS", "/nowhere/libopenblas.so", 1)
        let backend = try CPUBackend(threads: 1)
        #expect(try backend.using(engine: "auto") === backend)
        #expect(throws: CPUBackendError.self) { try backend.using(engine: "blas") }
      }
    }

    static let clang = ["/usr/bin/clang", "/opt/swift/usr/bin/clang", "/usr/bin/cc"].first {
      FileManager.default.isExecutableFile(atPath: $0)
    }

    @Test(.enabled(if: clang != nil, "no C compiler to make a wrong library with"))
    func `a library with wrong results is refused with one sentence`() async throws {
      await #expect(processExitsWith: .success) {
        let folder = FileManager.default.temporaryDirectory
          .appendingPathComponent("wrong-blas-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = folder.appendingPathComponent("wrong.c")
        let library = folder.appendingPathComponent("wrong.so")
        // Correct except for the last column.
        try """
        void cblas_sgemm(int o, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                         int lda, const float *b, int ldb, float beta, float *c, int ldc) {
          for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++) {
              float sum = 0;
              for (int l = 0; l < k; l++)
                sum += a[i * lda + l] * (tb == 112 ? b[j * ldb + l] : b[l * ldb + j]);
              c[i * ldc + j] = beta * c[i * ldc + j] + alpha * sum + (j == 32 ? 0.5f : 0);
            }
        }
        """.write(to: source, atomically: true, encoding: .utf8)
        let compiler = Process()
        compiler.executableURL = URL(fileURLWithPath: try #require(Self.clang))
        compiler.arguments = ["-shared", "-fPIC", "-O1", source.path, "-o", library.path]
        try compiler.run()
        compiler.waitUntilExit()
        #expect(compiler.terminationStatus == 0)
        setenv("LAB_BLAS", library.path, 1)
        let error = #expect(throws: CPUBackendError.self) { try EngineChoice.blas() }
        #expect(
          error?.description.hasPrefix(
            "cpu: CBLAS is wrong by inf in a GEMM of 1 x 1000 x 384; use the engine")
            == true || error?.description.hasPrefix("cpu: CBLAS is wrong by 0.5") == true)
        #expect(EngineTrial(CacheFolder(nil)).choice() == .packed)
      }
    }
  #endif
}
