import Foundation
import _TestSupport

/// The built program, run as a user runs it.
struct LabProcess {
  /// The result of a finished program.
  struct Result {
    let output: String
    let error: String
    let exitCode: Int32
  }

  /// The program that was built with the tests.
  static var executable: URL {
    get throws {
      var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
      for _ in 0..<6 {
        let candidate = folder.appendingPathComponent("lab")
        if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
        folder.deleteLastPathComponent()
      }
      throw CocoaError(.fileNoSuchFile)
    }
  }

  private let process = Process()
  private let folder: URL
  private let output: URL
  private let error: URL

  /// Starts the program in `folder` with changed environment variables.
  init(_ arguments: [String], in folder: URL, environment: [String: String] = [:]) throws {
    self.folder = folder
    output = folder.appendingPathComponent("output-\(UUID().uuidString)")
    error = folder.appendingPathComponent("error-\(UUID().uuidString)")
    for file in [output, error] { try Data().write(to: file) }
    process.executableURL = try Self.executable
    process.arguments = arguments
    process.currentDirectoryURL = folder
    // Each test has its own machine locks; otherwise tests would wait for each other.
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["TMPDIR": folder.path]) { $1 }
      .merging(environment) { $1 }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: error)
    try process.run()
  }

  /// Waits until the program ends.
  func finish() throws -> Result {
    process.waitUntilExit()
    return Result(
      output: try String(contentsOf: output, encoding: .utf8),
      error: try String(contentsOf: error, encoding: .utf8), exitCode: process.terminationStatus)
  }

  /// Sends a signal, such as SIGKILL.
  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  var isRunning: Bool { process.isRunning }

  /// Runs the program to its end.
  static func run(_ arguments: String..., in folder: URL) throws -> Result {
    try LabProcess(arguments, in: folder).finish()
  }
}

/// A folder for one test, removed with this object.
final class Workplace {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "lab-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: url.appendingPathComponent(name))
  }

  func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: url.appendingPathComponent(path).path)
  }

  /// The lines of all record files of a results folder.
  func recordLines(_ results: String) throws -> [String] {
    let folder = url.appendingPathComponent(results)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return try names.filter { $0.hasSuffix(".jsonl") }.flatMap { name in
      try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        .split(separator: "\n").map(String.init)
    }
  }

  /// The micro model of the fixtures, as a spec refers to it.
  static let model = """
    {"weights": "\(Fixtures.url("goldens/weights/vit_micro.safetensors").path)", "architecture": \
    {"image_size": 96, "embed_dim": 64, "depth": 6, "num_heads": 4, "num_classes": 10}}
    """
}
