import ArgumentParser
import Datasets
import Experiments
import Files
import Foundation
import Hub
import Records
import Reporting
import Support

/// A spec on this machine with its results folder, which `run` and `profile` share.
struct Session {
  let planner: Planner
  let store: RecordStore
  let folder: URL

  /// Opens everything that the spec names.
  ///
  /// - Parameter writes: Whether anything may be written; a dry run creates no folder.
  init(
    _ spec: Spec, folder results: ResultsOptions, fresh: Bool = false, writes: Bool = true,
    site: Site = .here()
  ) throws {
    folder = results.folder(spec.name)
    try ReportContext.checkOwner(of: folder, source: spec.source)
    planner = try Planner(spec, site: site, recorded: try Self.recordedDevices(spec, folder))
    for warning in planner.warnings { Console.warn(warning) }
    if fresh, writes { try RecordStore.setAside(folder, moment: Session.moment()) }
    store = try RecordStore(folder: folder, writes: writes)
    Console.warn(all: store.warnings)
  }

  /// The devices of the folder's records, if the spec names one of another machine.
  private static func recordedDevices(_ spec: Spec, _ folder: URL) throws -> [DeviceSetting] {
    let asks = spec.devices.contains { if case .recorded = $0 { true } else { false } }
    guard asks, FileManager.default.fileExists(atPath: folder.path) else { return [] }
    var devices: [DeviceSetting] = []
    for record in try RecordsFolder.read(folder).records {
      guard case .latency(let trial, _) = record.measurement, !devices.contains(trial.device) else {
        continue
      }
      devices.append(trial.device)
    }
    return devices
  }

  /// The time of day as a folder's name.
  static func moment() -> String {
    Date().formatted(.iso8601.dateSeparator(.dash).timeSeparator(.omitted))
  }

  /// Prints every trial, and the estimated time.
  ///
  /// - Parameter machines: The numbers of machines for which the time is estimated.
  func printPlan(only: String?, share: Share? = nil, machines: [Int] = []) throws {
    let runner = Runner(
      planner: planner, store: store, only: only, share: share, listener: TerminalProgress())
    let plan = try runner.plan()
    try runner.calibrate(plan)
    let text = PlanText(planner: planner, plan: plan, isDone: runner.isRecorded)
    print(text.lines.joined(separator: "\n"))
    print("")
    print(summary(plan, runner, share))
    if !machines.isEmpty { print("\n" + MachineCosts(runner, plan, machines: machines).text) }
  }

  /// One line: the number of trials, and the estimated time.
  private func summary(_ plan: Plan, _ runner: Runner, _ share: Share?) -> String {
    let open = runner.openTrials(plan).count
    let seconds = runner.expectedSeconds(plan)
    guard let share else {
      return PlanText(planner: planner, plan: plan, isDone: runner.isRecorded)
        .summary(open: open, expectedSeconds: seconds)
    }
    return "\(share): \(counted(open, "trial")) to measure"
      + (open > 0 ? "; about \(PlanText.duration(seconds))" : "")
  }

  /// Measures, writes the report, and reports failures.
  ///
  /// - Parameters:
  ///   - share: The part of the trials to measure, without a report.
  ///   - again: The command line that continues after an interruption.
  func run(only: String?, share: Share? = nil, again: [String]) throws {
    StopSignal.install()
    try planner.reportContext.write(to: folder)
    let shares = ShareLog(results: folder)
    for sentence in try share.map({ try shares.begin($0).map { [$0] } ?? [] }) ?? shares.problems {
      Console.warn("\(sentence); what is left of it is measured now")
    }
    let progress = TerminalProgress()
    let runner = Runner(
      planner: planner, store: store, only: only, share: share, listener: progress)
    let plan = try runner.plan()
    try runner.calibrate(plan)
    Console.write("\(planner.spec.name): \(summary(plan, runner, share))\n")
    let doubtful = runner.doubtful(plan)
    if doubtful > 0 {
      Console.write(
        "\(counted(doubtful, "timing")) of an earlier run \(noun(doubtful, "was", "were")) not reliable and will be "
          + "taken again\n")
    }
    let summary: RunSummary
    do {
      summary = try runner.run()
    } catch ExperimentsError.interrupted {
      progress.clear()
      Console.write(
        "Stopped. \(counted(runner.measured, "trial")) of this run \(noun(runner.measured, "is", "are")) kept in \(store.name); "
          + "the same command goes on from there:\n  \(Self.command(again))\n")
      if runner.lost.count > 0 {
        Console.write(
          "\(counted(runner.lost.count, "timing")) of an interleaved set count only together, and begin anew: "
            + "\(PlanText.duration(runner.lost.seconds)) are lost\n")
      }
      throw ExitCode(130)
    }
    progress.clear()
    if let share {
      try shares.end(share, failures: summary.failures.map { "\($0.label): \($0.message)" })
      Console.write("\(share) is done: \(counted(runner.measured, "trial")) measured\n")
      return try report(summary.failures, again: again)
    }
    try RowsFile.write(summary.rows, to: folder)
    try CommandFile.write(again, to: folder)
    try PublishedFile.write(planner.spec.published, to: folder)
    try SpecFile.write(planner.spec.source, devices: Devices.all, to: folder)
    do {
      try SampleTokensFile.write(planner, try runner.plan(), to: folder)
    } catch {
      // What was measured is not lost for a picture.
      Console.warn("the panel of tokens is left out: \(error)")
    }
    try Rendering.write(
      records: store.records, rows: summary.rows, name: planner.spec.name, folder: folder)
    try finish(summary, again: again)
  }

  private func finish(_ summary: RunSummary, again: [String]) throws {
    for search in summary.pending {
      Console.warn(
        "r could not be chosen for \(counted(search.choices.count, "row")) of batch \(search.batchSize): \(counted(search.missing, "grid trial")) missing"
      )
    }
    for unmet in summary.unmet { Console.warn(unmet) }
    if !summary.elsewhere.isEmpty {
      Console.warn(
        "\(counted(summary.elsewhere.count, "latency", "latencies")) of other machines are missing: run the same methods there and copy the .jsonl files into \(store.name); --dry-run lists them"
      )
    }
    try report(summary.failures, again: again)
    ShareLog(results: folder).clear()
  }

  /// Reports failures.
  private func report(_ failures: [RunFailure], again: [String]) throws {
    guard !failures.isEmpty else { return }
    Console.write("\n\(counted(failures.count, "trial")) failed:\n")
    for failure in failures { Console.write("  \(failure.label): \(failure.message)\n") }
    Console.write("Failed trials are tried again by the same command:\n  \(Self.command(again))\n")
    throw ExitCode(Outcome.trialFailed)
  }

  /// A command line as the user can type it again.
  static func command(_ arguments: [String]) -> String {
    // --fresh would discard what was just measured.
    let rest = arguments.dropFirst().filter { $0 != "--fresh" }
    return (typed(arguments.first ?? "lab") + rest).map(quoted).joined(separator: " ")
  }

  /// The program as it was typed: `swift run` starts that of its build folder by the whole path, or
  /// with `--skip-build` by the one from the package on, which names the platform.
  ///
  /// Elsewhere than in the package `swift run` finds nothing to run, and the path was typed.
  private static func typed(_ program: String) -> [String] {
    let parts = program.split(separator: "/").suffix(2)
    let package = FileManager.default.currentDirectoryPath
    // A person types `.build/debug/lab`.
    let isFromPackage =
      program.hasPrefix(".build/") && program.split(separator: "/").count == 4
    guard program.hasPrefix("\(package)/.build/") || isFromPackage, parts.last == "lab" else {
      return [program]
    }
    switch parts.first {
    case "debug": return ["swift", "run", "lab"]
    case "release": return ["swift", "run", "-c", "release", "lab"]
    default: return [program]
    }
  }

  /// An argument quoted for a shell.
  static func quoted(_ argument: String) -> String {
    let isPlain = argument.allSatisfy { $0.isLetter || $0.isNumber || "-_./:=,+@%".contains($0) }
    return isPlain && !argument.isEmpty
      ? argument : "'" + argument.replacing("'", with: "'\\''") + "'"
  }
}

extension Site {
  /// The devices of this machine and the demo model's weights.
  ///
  /// - Parameters:
  ///   - isOffline: Whether the network is not to be used.
  ///   - downloads: Whether missing weights are downloaded, or only named.
  static func here(isOffline: Bool = false, downloads: Bool = true) -> Site {
    var site = Site(
      devices: Devices.all, demoWeights: { try DemoModel.weightsURL() },
      hub: .here(isOffline: isOffline),
      pictureHashes: CacheFolder.ofThisUser("pictures").url,
      progress: { Console.note($0) })
    site.downloads = downloads
    return site
  }
}
