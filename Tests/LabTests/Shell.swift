import Foundation

/// Runs system commands and scripts of the repository.
enum Shell {
  /// The root of the repository.
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().standardizedFileURL

  /// Runs a shell command line to its end with changed environment variables.
  static func run(
    _ command: String, in folder: URL = root, environment: [String: String] = [:]
  ) throws -> LabProcess.Result {
    let place = FileManager.default.temporaryDirectory
    let (output, error) = (
      place.appendingPathComponent("output-\(UUID().uuidString)"),
      place.appendingPathComponent("error-\(UUID().uuidString)")
    )
    defer { for file in [output, error] { try? FileManager.default.removeItem(at: file) } }
    for file in [output, error] { try Data().write(to: file) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: error)
    try process.run()
    process.waitUntilExit()
    return LabProcess.Result(
      output: try String(contentsOf: output, encoding: .utf8),
      error: try String(contentsOf: error, encoding: .utf8), exitCode: process.terminationStatus)
  }

  /// Whether all of these programs are installed.
  static func has(_ programs: String...) -> Bool {
    programs.allSatisfy { (try? run("command -v \($0)").exitCode) == 0 }
  }
}
