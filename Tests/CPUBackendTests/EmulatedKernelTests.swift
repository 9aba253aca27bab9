#if arch(x86_64) && os(Linux)
  import Foundation
  import Testing

  /// Kernels whose instructions this CPU may lack, executed in software.
  @Suite struct EmulatedKernelTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()

    private static func run(_ script: String, _ arguments: String...) throws -> (
      code: Int32, output: String
    ) {
      let process = Process()
      process.executableURL = root.appending(path: "Scripts/\(script)")
      process.arguments = arguments
      let pipe = Pipe()
      (process.standardOutput, process.standardError) = (pipe, pipe)
      try process.run()
      let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      return (process.terminationStatus, said)
    }

    private static let hasCompiler = (try? run("clang.sh").code) == 0

    /// Products of all kinds of sizes, on several threads; and a CPU that multiplies wrongly.
    @Test(.enabled(if: hasCompiler, "no clang 17 or later is on the PATH or beside swift"))
    func `AMX gives the results of plain loops and is replaced where it is wrong`() throws {
      let said = try Self.run("amx-kernels.sh", "--short")
      #expect(said.code == 0 && said.output.contains("all right"), "\(said.output)")
    }
  }
#endif
