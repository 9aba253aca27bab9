import Foundation
import Testing
import _TestSupport

@Suite struct RunProcessTests {
  /// A spec whose table does not depend on time.
  private static let accuracy = """
    {"name": "micro", "model": \(Workplace.model), "latency": false, "threads": 1,
     "accuracy": {"images": 1000, "batch_size": 10}, "methods": [{"method": "none"},
     {"method": "random", "r": [6, 12, 18]}, {"method": "topk", "r": [1, 2, 3]},
     {"method": "tome", "r": [2, 4]}, {"method": "tail_effect", "r": [12, 24], "layer": [1, 3]}]}
    """

  /// The table of an undisturbed run, without the folder's name at its end.
  private func table(_ output: String) -> String {
    output.components(separatedBy: "\n\n").dropLast().joined(separator: "\n\n")
  }

  @Test func `a run prints a plan, a table and its files, and a second run measures nothing`()
    throws
  {
    let folder = try Workplace()
    try folder.write(
      """
      {"model": \(Workplace.model), "threads": 1, "accuracy": {"images": 20},
       "latency": {"min_seconds": 0, "min_samples": 3}, "methods": [{"method": "none"},
       {"method": "tail_effect", "r": 18}]}
      """, to: "tiny.json")
    let dry = try LabProcess.run("run", "tiny.json", "--dry-run", in: folder.url)
    #expect(dry.exitCode == 0)
    #expect(dry.output.contains("tokens after blocks 37 19×5; 0 of 1 shard recorded"))
    #expect(dry.output.contains("5 trials: 5 to measure, 0 already recorded"))
    // Not even folders are created.
    #expect(!folder.exists("Results"))

    let first = try LabProcess.run("run", "tiny.json", in: folder.url)
    #expect(first.exitCode == 0, "\(first.error)")
    #expect(first.error.hasPrefix("tiny: 5 trials: 5 to measure, 0 already recorded; about "))
    #expect(first.output.contains("tail_effect"))
    for file in ["report.md", "table.csv", "figures/pareto.svg"] {
      #expect(folder.exists("Results/tiny/\(file)"))
    }
    // Three timings are too few for a front, whatever else runs on the machine.
    #expect(!folder.exists("Results/tiny/pareto.csv"))
    #expect(!first.output.contains("●") && !first.output.contains("Fastest"))
    let second = try LabProcess.run("run", "tiny.json", in: folder.url)
    #expect(second.error == "tiny: 5 trials: 0 to measure, 5 already recorded\n")
    #expect(second.output == first.output)
    #expect(try folder.recordLines("Results/tiny").count == 5)
    let report = try LabProcess.run("report", "tiny", in: folder.url)
    #expect(report.output == first.output)
  }

  @Test func `after a kill at any time, the same command gives the same table`() throws {
    let undisturbed = try Workplace()
    try undisturbed.write(Self.accuracy, to: "a.json")
    let expected = try LabProcess.run("run", "a.json", in: undisturbed.url)
    #expect(expected.exitCode == 0, "\(expected.error)")
    let folder = try Workplace()
    try folder.write(Self.accuracy, to: "a.json")
    var kills = 0
    for records in [0, 3, 9, 20] {
      let process = try LabProcess(["run", "a.json"], in: folder.url)
      while process.isRunning, try folder.recordLines("Results/micro").count < records {
        usleep(2_000)
      }
      // A different time within a trial for each kill.
      usleep(useconds_t(3_000 * (kills + 1)))
      if process.isRunning { kills += 1 }
      process.send(SIGKILL)
      _ = try process.finish()
    }
    #expect(kills >= 2)
    let last = try LabProcess.run("run", "a.json", in: folder.url)
    #expect(last.exitCode == 0, "\(last.error)")
    #expect(table(last.output) == table(expected.output))
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func `an interrupted run says how to continue and exits with 130`(_ signal: Int32) throws {
    let folder = try Workplace()
    try folder.write(Self.accuracy, to: "a.json")
    let process = try LabProcess(["run", "a.json", "--fresh"], in: folder.url)
    while process.isRunning, try folder.recordLines("Results/micro").isEmpty { usleep(2_000) }
    process.send(signal)
    let result = try process.finish()
    #expect(result.exitCode == 130)
    let kept = try folder.recordLines("Results/micro").count
    #expect(kept >= 1 && kept < 52)
    #expect(
      result.error.hasSuffix(
        "Stopped. \(kept) trial\(kept == 1 ? "" : "s") of this run \(kept == 1 ? "is" : "are") kept in "
          + "Results/micro; the same command goes on from there:\n  "
          + "\(try LabProcess.executable.path) run a.json\n"))
    let again = try LabProcess.run("run", "a.json", in: folder.url)
    #expect(again.exitCode == 0)
    #expect(again.error.hasPrefix("micro: 52 trials: \(52 - kept) to measure, \(kept) already"))
  }

  /// `swift run` starts the program in its build folder by its full path, in the package.
  @Test func `the suggested command equals the typed one`() throws {
    let folder = try Workplace()
    let program = try LabProcess.executable.path
    for place in [".build/debug", ".build/x86_64-unknown-linux-gnu/release", "elsewhere"] {
      let link = folder.url.appendingPathComponent(place)
      try FileManager.default.createDirectory(at: link, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: "\(link.path)/lab", withDestinationPath: program)
    }
    let spec =
      #"{"model": "demo_vit", "dataset": {"folder": "none"}, "methods": [{"method": "none"}]}"#
    try folder.write(spec, to: "a.json")
    func hint(_ typed: String, from place: String = ".") throws -> Substring? {
      let result = try Shell.run(
        "cd \(place) && \(typed) run $OLDPWD/a.json --dry-run", in: folder.url)
      return result.error.split(separator: "\n").last
    }
    let rest = "run \(folder.url.path)/a.json --model demo_vit --dataset demo --device cpu"
    let build = "\(folder.url.path)/.build"
    #expect(try hint("\(build)/debug/lab") == "  swift run lab \(rest)")
    #expect(
      try hint("\(build)/x86_64-unknown-linux-gnu/release/lab")
        == "  swift run -c release lab \(rest)")
    #expect(
      try hint(".build/x86_64-unknown-linux-gnu/release/lab")
        == "  swift run -c release lab \(rest)")
    #expect(try hint(".build/debug/lab") == "  .build/debug/lab \(rest)")
    #expect(try hint("\(build)/debug/lab", from: "elsewhere") == "  \(build)/debug/lab \(rest)")
    #expect(try hint("elsewhere/lab") == "  elsewhere/lab \(rest)")
    // A given device that exists is kept.
    let simulated = try LabProcess.run(
      "run", "\(folder.url.path)/a.json", "--device", "simulated:jetson_tx2", in: folder.url)
    #expect(simulated.exitCode == 2)
    #expect(simulated.error.contains("--dataset demo --device simulated:jetson_tx2\n"))
  }

  @Test(arguments: [
    "\"$0\" run - --dry-run < a.json", "cat a.json | \"$0\" run - --dry-run",
    "\"$0\" run /dev/stdin --dry-run < a.json", "\"$0\" run <(cat a.json) --dry-run",
  ])
  func `a spec may come from a pipe of the shell`(_ command: String) throws {
    let folder = try Workplace()
    try folder.write(Self.accuracy, to: "a.json")
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/bash")
    shell.arguments = ["-c", command, try LabProcess.executable.path]
    shell.currentDirectoryURL = folder.url
    let (output, error) = (Pipe(), Pipe())
    (shell.standardOutput, shell.standardError) = (output, error)
    try shell.run()
    let printed = String(
      decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let told = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 0, "\(told)")
    #expect(printed.contains("52 trials: 52 to measure"))
  }

  @Test func `two specs with the same name are distinguished`() throws {
    let folder = try Workplace()
    let spec = """
      {"model": \(Workplace.model), "latency": false, "threads": 1, "accuracy": {"images": 10},
       "methods": [{"method": "none"}]}
      """
    try folder.write(spec, to: "a b.json")
    try folder.write(spec, to: "a-b.json")
    #expect(try LabProcess.run("run", "a b.json", in: folder.url).exitCode == 0)
    #expect(try LabProcess.run("run", "a b.json", in: folder.url).exitCode == 0)
    let other = try LabProcess.run("run", "a-b.json", in: folder.url)
    #expect(other.exitCode == 2)
    #expect(
      other.error.hasPrefix("error: a-b.json: its results would go to Results/a-b, which holds "))
    #expect(other.error.hasSuffix("a b.json; give one of the two a \"name\"\n"))
  }

  @Test func `others end with an error instead of waiting for a suspended process`() throws {
    let folder = try Workplace()
    try folder.write(Self.accuracy, to: "a.json")
    let first = try LabProcess(["run", "a.json"], in: folder.url)
    while first.isRunning, try folder.recordLines("Results/micro").isEmpty { usleep(2_000) }
    first.send(SIGSTOP)
    let second = try LabProcess.run("run", "a.json", in: folder.url)
    #expect(second.exitCode == 1)
    #expect(second.error.contains("error: nothing is left but what stopped processes hold ("))
    #expect(second.error.contains("`kill -CONT "))
    first.send(SIGCONT)
    #expect(try first.finish().exitCode == 0)
    #expect(try LabProcess.run("run", "a.json", in: folder.url).exitCode == 0)
  }

  @Test func `the commit of a record is that of the build, not of the checkout`() throws {
    let folder = try Workplace()
    try folder.write(Self.accuracy, to: "a.json")
    let git = folder.url.appendingPathComponent(".git")
    try FileManager.default.createDirectory(at: git, withIntermediateDirectories: true)
    let other = String(repeating: "0123456789", count: 4)
    try Data(other.utf8).write(to: git.appendingPathComponent("HEAD"))
    _ = try LabProcess.run("run", "a.json", "--limit", "5", in: folder.url)
    let line = try #require(try folder.recordLines("Results/micro").first)
    let built = try #require(line.firstMatch(of: /"commit":"([0-9a-f]*(?:-dirty)?)"/)).1
    #expect(!line.contains(other))
    let version = try LabProcess.run("--version", in: folder.url).output
    let shown =
      built.isEmpty
      ? "commit unknown"
      : built.prefix { $0 != "-" }.prefix(12) + (built.hasSuffix("-dirty") ? ", with changes" : "")
    #expect(version == "0.1.0 (\(shown))\n")
  }

  @Test func `the fresh option measures again and keeps old records`() throws {
    let folder = try Workplace()
    try folder.write(Self.accuracy, to: "a.json")
    _ = try LabProcess.run("run", "a.json", "--limit", "20", in: folder.url)
    let result = try LabProcess.run("run", "a.json", "--limit", "20", "--fresh", in: folder.url)
    #expect(result.error.contains("13 trials: 13 to measure, 0 already recorded"))
    let earlier = try FileManager.default.contentsOfDirectory(
      atPath: folder.url.appendingPathComponent("Results/micro/earlier").path)
    #expect(earlier.count == 1)
    #expect(try folder.recordLines("Results/micro/earlier/\(earlier[0])").count == 13)
  }

  @Test func `an unreadable image stops the run with exit code 1`() throws {
    let folder = try Workplace()
    let picture = try Data(contentsOf: Fixtures.url("pictures/rgb_300x300.png"))
    for index in 0..<10 {
      let place = folder.url.appendingPathComponent("images/c\(index)")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try (index == 7 ? picture.prefix(500) : picture).write(
        to: place.appendingPathComponent("a.png"))
    }
    try folder.write(Self.accuracy, to: "a.json")
    let result = try LabProcess.run(
      "run", "a.json", "--dataset", "folder:images", in: folder.url)
    #expect(result.exitCode == 1)
    #expect(result.error.contains("images/c7/a.png"))
  }

  @Test func `an unwritable results folder is reported in one sentence`() throws {
    let folder = try Workplace()
    try folder.write(Self.accuracy, to: "a.json")
    try folder.write("", to: "file")
    let result = try LabProcess.run("run", "a.json", "--results", "file", in: folder.url)
    #expect(result.exitCode == 2)
    #expect(result.error.hasSuffix("name another folder with --results\n"))
    #expect(result.error.contains("file/micro"))
    #expect(result.error.split(separator: "\n").count == 1)
  }
}
