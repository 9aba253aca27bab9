import Foundation
import Testing

@Suite struct FullDiskTests {
  @Test(arguments: [
    ["schema"], ["methods"], ["methods", "topk"], ["models"], ["devices"], ["--help"],
    ["--version"],
  ])
  func `output to a full disk is a sentence and no success`(_ arguments: [String]) throws {
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
}
