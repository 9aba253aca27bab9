import Experiments
import Foundation
import Reporting

/// Submits a run to Slurm.
///
/// The spec is read and checked here, but its devices are not opened, because the submitting
/// machine need not have them.
struct SlurmSubmission {
  private let scripts: SlurmScripts
  private let results: URL
  /// The folder of scripts and logs.
  private let folder: URL

  private static let jobsFile = "jobs.json"
  private static let scriptNames = (measure: "measure.sh", report: "report.sh")

  /// The numbers of the jobs.
  private struct Jobs: Codable {
    var measure: String
    var again: String
    var report: String

    var list: String { [measure, again, report].joined(separator: ",") }
  }

  /// - Parameter arguments: The command line, the program first, without the options of Slurm.
  init(_ spec: Spec, _ request: SlurmRequest, results: URL, arguments: [String]) throws {
    try ReportContext.checkOwner(of: results, source: spec.source)
    self.results = results
    folder = results.appendingPathComponent("slurm")
    let program = Bundle.main.executablePath ?? arguments[0]
    scripts = SlurmScripts(
      request: request, spec: spec, folder: FileManager.default.currentDirectoryPath,
      logs: folder.standardizedFileURL.path,
      command: ([program] + arguments.dropFirst()).map(Session.quoted).joined(separator: " "))
  }

  /// Prints the scripts and the commands that would submit them.
  func show() {
    let path = folder.relativePath
    print("# \(path)/\(Self.scriptNames.measure)\n\(scripts.measure)")
    print("# \(path)/\(Self.scriptNames.report)\n\(scripts.report)")
    let commands = [
      ["first"] + words([], Self.scriptNames.measure),
      ["again"] + words(scripts.again(after: "$first"), Self.scriptNames.measure),
      ["report"] + words(scripts.last(after: "$first", "$again"), Self.scriptNames.report),
    ]
    for command in commands {
      let words = command.dropFirst().map { $0.contains("$") ? "\"\($0)\"" : Session.quoted($0) }
      print("\(command[0])=$(\(words.joined(separator: " ")))")
    }
  }

  /// Submits three jobs and prints their numbers.
  ///
  /// - Parameter fresh: Whether earlier records are moved aside first.
  ///
  /// - Throws: `ExperimentsError.impossible` if Slurm refuses, and while jobs of an earlier
  ///   submission are not done.
  func submit(fresh: Bool) throws {
    if let jobs = earlierJobs(), isActive(jobs) {
      throw Self.wrong(
        "jobs \(jobs.list) of this folder are not done, and the same command goes on once they are; "
          + "`squeue --jobs=\(jobs.list)` shows them, `scancel \(jobs.list.replacing(",", with: " "))` ends them"
      )
    }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    if fresh { try RecordStore.setAside(results, moment: Session.moment()) }
    ShareLog(results: results).clear()
    for (name, text) in [
      (Self.scriptNames.measure, scripts.measure), (Self.scriptNames.report, scripts.report),
    ] {
      try FolderFile.write(Data(text.utf8), to: name, in: folder)
    }
    let first = try job([], Self.scriptNames.measure, behind: [])
    let again = try job(
      scripts.again(after: first), Self.scriptNames.measure, behind: [first])
    let report = try job(
      scripts.last(after: first, again), Self.scriptNames.report, behind: [first, again])
    let jobs = Jobs(measure: first, again: again, report: report)
    try FolderFile.write(
      try JSONEncoder().encode(jobs) + Data("\n".utf8), to: Self.jobsFile, in: folder)
    let repeated = scripts.goesOn ? "and what follows from them" : "those that fail once more"
    Console.write(
      """
      Submitted: \(scripts.request.shares) shares as job \(first), \(repeated) as job \(again), the report as job \(report).
        squeue --jobs=\(jobs.list)    shows how far they are
        \(folder.relativePath)    holds what they say
        \(results.relativePath)/report.html    is there once all is done

      """)
  }

  private func words(_ options: [String], _ script: String) -> [String] {
    ["sbatch", "--parsable"] + options + [folder.appendingPathComponent(script).relativePath]
  }

  /// Submits a script; if that fails, the jobs before it are useless.
  private func job(_ options: [String], _ script: String, behind earlier: [String]) throws
    -> String
  {
    let words = words(options, script)
    do {
      let result = try Self.run(words)
      // With several clusters the cluster's name follows.
      let number = result.output.split(separator: ";").first.map {
        $0.trimmingCharacters(in: .whitespacesAndNewlines)
      }
      guard result.code == 0, let number, !number.isEmpty else {
        throw Self.wrong("sbatch: \(result.error.trimmingCharacters(in: .whitespacesAndNewlines))")
      }
      return number
    } catch {
      if !earlier.isEmpty { _ = try? Self.run(["scancel"] + earlier) }
      throw error
    }
  }

  private func earlierJobs() -> Jobs? {
    FolderFile.read(Self.jobsFile, in: folder).flatMap {
      try? JSONDecoder().decode(Jobs.self, from: $0)
    }
  }

  /// Whether any of the jobs is waiting or running; Slurm forgets those that are done.
  private func isActive(_ jobs: Jobs) -> Bool {
    guard
      let result = try? Self.run(["squeue", "--noheader", "--format=%i", "--jobs=\(jobs.list)"])
    else { return false }
    return result.code == 0 && result.output.contains(where: \.isNumber)
  }

  private static func run(_ words: [String]) throws -> (output: String, error: String, code: Int32)
  {
    guard let program = path(of: words[0]) else {
      throw wrong(
        "there is no \(words[0]) here; type the command on a machine that submits jobs, or see with "
          + "--slurm-dry-run what it would submit")
    }
    let process = Process()
    process.executableURL = program
    process.arguments = Array(words.dropFirst())
    let (output, error) = (Pipe(), Pipe())
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = error
    try process.run()
    // A line each, which a pipe holds.
    let text = [output, error].map {
      String(decoding: $0.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
    process.waitUntilExit()
    return (text[0], text[1], process.terminationStatus)
  }

  private static func path(of program: String) -> URL? {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
      .map { URL(fileURLWithPath: String($0)).appendingPathComponent(program) }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }

  private static func wrong(_ message: String) -> ExperimentsError {
    .impossible(subject: "--slurm", message: message)
  }
}
