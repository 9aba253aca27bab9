import Foundation
import Testing

/// `lab run --slurm` on a Slurm with one node, which the test starts on the loopback interface.
@Suite(.serialized) struct SlurmNodeTests {
  /// Why Slurm cannot be started here; `nil` if it can.
  private static let missing: String? =
    if geteuid() != 0 {
      "only root can start a Slurm"
    } else if !Shell.has(
      "slurmctld", "slurmd", "munged", "sbatch", "unshare", "python3")
    { "slurm-wlm and munge are not installed" } else { nil }

  /// Slurm's daemons for a test, stopped with this object.
  private final class Node {
    /// Short, because socket paths have a maximum length.
    let folder = "/tmp/lab-slurm-\(UUID().uuidString.prefix(8))"
    private let script = Shell.root.appendingPathComponent("Tests/LabTests/slurm-node.sh").path

    init() throws {
      let started = try Shell.run("timeout 60 '\(script)' start \(folder) 2")
      try #require(started.exitCode == 0, "\(started.error)")
    }

    deinit {
      _ = try? Shell.run("timeout 30 '\(script)' stop \(folder); rm -rf \(folder)")
    }

    /// Runs a command of Slurm or lab.
    func run(_ command: String, in place: Workplace) throws -> LabProcess.Result {
      try Shell.run(
        command, in: place.url,
        environment: ["SLURM_CONF": "\(folder)/slurm.conf", "TMPDIR": place.url.path])
    }

    /// The final states of all tasks by their number, such as `3_1`.
    func states(_ jobs: String, in place: Workplace, seconds: Int = 180) throws
      -> [String: String]
    {
      let deadline = Date().addingTimeInterval(Double(seconds))
      var states: [String: String] = [:]
      repeat {
        usleep(300_000)
        let text = try run(
          "squeue --noheader --states=all --format='%i %T' --jobs=\(jobs)", in: place
        ).output
        states = Dictionary(
          text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            return words.count == 2 ? (words[0], words[1]) : nil
          }, uniquingKeysWith: { $1 })
      } while states.isEmpty
        || states.values.contains { ["PENDING", "RUNNING", "COMPLETING"].contains($0) }
          && Date() < deadline
      return states
    }
  }

  private struct Jobs: Decodable {
    let measure: String
    let again: String
    let report: String
    var list: String { "\(measure),\(again),\(report)" }
  }

  private static let spec = """
    {"name": "many", "model": "demo_vit", "threads": 1, "seed": 5,
     "accuracy": {"images": 1000}, "latency": {"min_seconds": 0.05, "min_samples": 3},
     "methods": [{"method": "none"}, {"method": "topk", "r": [1, 2, 3]},
     {"method": "tome", "r": [1, 2, 3]}]}
    """

  private func jobs(_ place: Workplace) throws -> Jobs {
    try JSONDecoder().decode(
      Jobs.self,
      from: Data(contentsOf: place.url.appendingPathComponent("Results/many/slurm/jobs.json")))
  }

  /// The output of a job's tasks.
  private func log(_ name: String, _ place: Workplace) throws -> String {
    try String(
      contentsOf: place.url.appendingPathComponent("Results/many/slurm/\(name).log"),
      encoding: .utf8)
  }

  @Test(.enabled(if: missing == nil, Comment(rawValue: missing ?? "")))
  func `a killed task is named and repeated, and the report follows`() throws {
    let node = try Node()
    let place = try Workplace()
    try place.write(Self.spec, to: "many.json")
    let lab = "'\(try LabProcess.executable.path)' run many.json"
    let command = "\(lab) --slurm partition=work,time=10,array=2"
    let submitted = try node.run(command, in: place)
    try #require(submitted.exitCode == 0, "\(submitted.error)")
    let jobs = try jobs(place)
    #expect(submitted.error.contains("Submitted: 2 shares as job \(jobs.measure)"))

    // The first task is killed once it has measured something.
    struct State: Decodable {
      let process: Int32
      let hasEnded: Bool
    }
    let file = place.url.appendingPathComponent("Results/many/shares/1-of-2.json")
    let deadline = Date().addingTimeInterval(120)
    var state: State?
    while Date() < deadline {
      state = (try? Data(contentsOf: file)).flatMap {
        try? JSONDecoder().decode(State.self, from: $0)
      }
      if state != nil, try place.recordLines("Results/many").count >= 2 { break }
      usleep(5_000)
    }
    let queue = try node.run("squeue", in: place).output
    let first = try #require(state, "no task began; \(queue)")
    try #require(!first.hasEnded)
    #expect(kill(first.process, SIGKILL) == 0)

    // Meanwhile the same command submits nothing.
    let twice = try node.run(command, in: place)
    #expect(twice.exitCode == 2)
    #expect(twice.error.contains("--slurm: jobs \(jobs.list) of this folder are not done"))

    let states = try node.states(jobs.list, in: place)
    #expect(states["\(jobs.measure)_1"] == "FAILED", "\(states)")
    #expect(states["\(jobs.measure)_2"] == "COMPLETED", "\(states)")
    for job in ["\(jobs.again)_1", "\(jobs.again)_2", jobs.report] {
      #expect(states[job] == "COMPLETED", "\(job): \(states)")
    }
    let again = try log("measure-\(jobs.again)_1", place)
    #expect(again.contains("warning: share 1 of 2 was begun on localhost at "), "\(again)")
    #expect(again.contains("and did not end; what is left of it is measured now"), "\(again)")
    #expect(try log("measure-\(jobs.again)_2", place).contains("share 2 of 2: 0 trials to measure"))
    // All 28 accuracies are recorded. Timings of a busy machine are repeated, and a search may then
    // choose another R.
    let report = try log("report-\(jobs.report)", place)
    let counts = try #require(
      report.firstMatch(of: /many: [0-9]+ trials: ([0-9]+) to measure, ([0-9]+) already recorded/),
      "\(report)")
    #expect((Int(counts.1) ?? .max) <= 8 && (Int(counts.2) ?? 0) >= 28, "\(report)")
    #expect(place.exists("Results/many/report.html"))
    #expect(!place.exists("Results/many/shares"))

    // The predictions equal those of one process, without duplicates.
    let alone = try Workplace()
    try alone.write(Self.spec, to: "many.json")
    let one = try Shell.run("\(lab) --only 'accuracy*'", in: alone.url)
    #expect(one.exitCode == 0, "\(one.error)")
    func predictions(_ place: Workplace) throws -> [String] {
      try place.recordLines("Results/many").compactMap { line -> String? in
        struct Line: Decodable {
          struct Result: Decodable { let top5: [[Int]]? }
          let key: String
          let result: Result?
        }
        let record = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
        guard let best = record.result?.top5 else { return nil }
        return "\(record.key) \(best)"
      }.sorted()
    }
    let expected = try predictions(alone)
    #expect(expected.count == 28)
    #expect(try predictions(place) == expected)

    // Everything is recorded, so the same command only renders.
    let lines = try place.recordLines("Results/many").count
    let resumed = try node.run(command, in: place)
    #expect(resumed.exitCode == 0, "\(resumed.error)")
    let later = try self.jobs(place)
    let ends = try node.states(later.list, in: place)
    #expect(ends[later.report] == "COMPLETED", "\(ends)")
    #expect(ends.contains { $0.key.hasPrefix(later.again) && $0.value == "CANCELLED" }, "\(ends)")
    // Timings of a busy machine may be repeated; accuracies are not.
    #expect(try predictions(place) == expected)
    #expect(try place.recordLines("Results/many").count >= lines)
  }

  @Test func `scripts are printed without writing files`() throws {
    let place = try Workplace()
    try place.write(Self.spec, to: "many.json")
    let shown = try LabProcess.run(
      "run", "many.json", "--slurm", "array=64%8,extra=--gres=gpu:1", "--slurm-dry-run", "--fresh",
      in: place.url)
    #expect(shown.exitCode == 0, "\(shown.error)")
    for text in [
      "# Results/many/slurm/measure.sh\n#!/bin/bash\n", "#SBATCH --array=1-64%8\n",
      "#SBATCH --gres=gpu:1\n", "lab run many.json --share \"$SLURM_ARRAY_TASK_ID/64\"\n",
      "first=$(sbatch --parsable Results/many/slurm/measure.sh)\n",
      "again=$(sbatch --parsable \"--dependency=afternotok:$first\" --kill-on-invalid-dep=yes ",
      "report=$(sbatch --parsable \"--dependency=afterok:$first?afterany:$again\" ",
    ] {
      #expect(shown.output.contains(text), "\(text) in \(shown.output)")
    }
    #expect(!place.exists("Results"))
    try place.write(shown.output, to: "shown.sh")
    let bash = try Shell.run("bash -n shown.sh", in: place.url)
    #expect(bash.exitCode == 0, "\(bash.error)")
  }

  @Test func `a share is measured on its own, and errors are one sentence`() throws {
    let place = try Workplace()
    try place.write(Self.spec, to: "many.json")
    func error(_ arguments: String...) throws -> String {
      let result = try LabProcess(["run", "many.json"] + arguments, in: place.url).finish()
      #expect(result.exitCode == 2, "\(arguments)")
      return result.error
    }
    #expect(
      try error("--share", "5/4").contains(
        "--share 5/4 is no share; it is NUMBER/COUNT with a number from 1, such as 3/8."))
    #expect(try error("--slurm", "--dry-run").contains("--slurm-dry-run prints the scripts"))
    #expect(try error("--slurm", "array=x").contains("--slurm: array=x is no size"))
    #expect(try error("--machines", "1,8").contains("--machines goes with --dry-run."))
    #expect(
      try error("--machines", "0", "--dry-run").contains("counts from 1, such as 1,8,64."))

    let share = try LabProcess.run(
      "run", "many.json", "--share", "2/4", "--limit", "100", in: place.url)
    #expect(share.exitCode == 0, "\(share.error)")
    #expect(share.error.contains("share 2 of 4 is done: "))
    #expect(share.output == "")
    #expect(!place.exists("Results/many/report.md"))
    let rest = try LabProcess.run("run", "many.json", "--limit", "100", in: place.url)
    #expect(rest.exitCode == 0, "\(rest.error)")
    #expect(rest.error.contains("share 1 of 4 was never begun; what is left of it is measured now"))
    #expect(place.exists("Results/many/report.md"))
    let cost = try LabProcess.run(
      "run", "many.json", "--dry-run", "--machines", "1,8,64", in: place.url)
    #expect(cost.output.contains("machines  "), "\(cost.output)")
  }
}
