import Foundation
import Testing

@Suite struct FullDiskTests {
  @Test(arguments: [
    ["schema"], ["methods"], ["methods", "topk"], ["models"], ["devices"], ["--help"],
    ["--version"],
  ])
  func `output to a full disk is one sentence and no success`(_ arguments: [String]) throws {
    try #require(FileManager.default.fileExists(atPath: "/dev/full"), "no /dev/full here")
    let process = Process()
    process.executableURL = try LabProcess.executable
    process.arguments = arguments
    let error = Pipe()
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: "/dev/full"))
    process.standardError = error
    try process.run()
    let text = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 1)
    #expect(
      text.hasSuffix(
        "error: standard output cannot be written: no space left on device; what was printed is not "
          + "whole\n"))
  }

  /// A file size limit of 4 KiB simulates a full disk.
  @Test(arguments: [
    "export csv quickstart-sample --out made.csv",
    "dataset check quickstart-pictures --out made.json",
  ])
  func `a file that does not fit on the disk is one sentence and exit code 1`(
    _ arguments: String
  ) throws {
    let folder = try Workplace()
    let sample = Shell.root.appendingPathComponent("Results/quickstart-sample").path
    try FileManager.default.createDirectory(
      at: folder.url.appendingPathComponent("Results"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: sample, toPath: folder.url.path + "/Results/quickstart-sample")
    let program = try LabProcess.executable.path
    _ = try LabProcess.run(
      "dataset", "demo", "--split", "val", "--count", "64", "--out", "quickstart-pictures",
      in: folder.url)
    let result = try Shell.run(
      "trap '' XFSZ; ulimit -f 8; \(program) \(arguments)", in: folder.url,
      environment: ["TMPDIR": folder.url.path, "XDG_CACHE_HOME": folder.url.path])
    #expect(result.exitCode == 1, "\(result.error)")
    #expect(result.error.contains("error: made."), "\(result.error)")
    #expect(result.error.hasSuffix(": cannot be written: file too large\n"), "\(result.error)")
    // No partial file remains.
    #expect(!folder.exists("made.csv") && !folder.exists("made.json"))
  }
}
