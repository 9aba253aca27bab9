#if arch(x86_64) && os(Linux)
  import Testing
  import _TestSupport

  /// Kernels whose instructions this CPU may lack, executed in software.
  @Suite struct EmulatedKernelTests {
    private static let hasCompiler = (try? Script.bash("Scripts/clang.sh").code) == 0

    /// Products of all kinds of sizes, on several threads; and a CPU that multiplies wrongly.
    @Test(.enabled(if: hasCompiler, "no clang 17 or later is on the PATH or beside swift"))
    func `AMX gives the results of plain loops and is replaced where it is wrong`() throws {
      let said = try Script.bash("Scripts/amx-kernels.sh", "--short")
      #expect(said.code == 0 && said.output.contains("all right"), "\(said.output)")
    }
  }
#endif
