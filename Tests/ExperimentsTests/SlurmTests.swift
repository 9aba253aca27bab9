import Foundation
import Testing

@testable import Experiments

@Suite struct SlurmTests {
  @Test func `a request is parsed`() throws {
    let all = try SlurmRequest(
      "partition=gpu,account=me,time=1-02:00:00,array=16%4,extra=--gres=gpu:1 --constraint=a,b")
    #expect(all.partition == "gpu")
    #expect(all.account == "me")
    #expect(all.time == "1-02:00:00")
    #expect(all.shares == 16)
    #expect(all.atOnce == 4)
    #expect(all.extra == "--gres=gpu:1 --constraint=a,b")
    let none = try SlurmRequest("")
    #expect(none.shares == SlurmRequest.defaultShares)
    #expect(none.atOnce == nil && none.partition == nil && none.extra == nil)
  }

  static let mistakes: [(text: String, message: String)] = [
    (
      "exp.json",
      "'exp.json' is not KEY=VALUE; such as --slurm partition=gpu,time=2:00:00,array=8, with the "
        + "spec before it"
    ),
    (
      "partitoin=x",
      "there is no 'partitoin'; did you mean 'partition'?; other options of sbatch follow extra="
    ),
    ("array=0", "array=0 is no size; 16 makes sixteen tasks, 16%4 lets four of them run at a time"),
    (
      "array=4%0",
      "array=4%0 is no size; 16 makes sixteen tasks, 16%4 lets four of them run at a time"
    ),
    (
      "time=2h", "time=2h is no time; it is minutes, H:MM:SS or D-HH:MM:SS, as sbatch takes it"
    ),
    ("time=1,time=2", "time is given twice"),
    ("partition=", "partition needs a value in one line"),
    ("extra=a\nb", "extra needs a value in one line"),
    ("account=a b", "account=a b: no blank may be in it"),
  ]

  @Test(arguments: mistakes)
  func `an invalid request is reported in one sentence`(_ mistake: (text: String, message: String))
  {
    do {
      _ = try SlurmRequest(mistake.text)
      Issue.record("'\(mistake.text)' was taken")
    } catch {
      #expect("\(error)" == "--slurm: \(mistake.message)")
      #expect((error as? ExperimentsError)?.exitCode == 2)
    }
  }

  private func scripts(_ rest: String, _ request: String = "partition=p,array=8") throws
    -> SlurmScripts
  {
    let text = #"{"name": "x", "model": "demo_vit", "methods": [{"method": "none"}\#(rest)}"#
    return SlurmScripts(
      request: try SlurmRequest(request),
      spec: try SpecReader.read(try SpecSource(text: text, file: "x.json")), folder: "/a b",
      logs: "/a b/100%", command: "/bin/lab run x.json")
  }

  @Test func `timings use a node exclusively, accuracy alone does not`() throws {
    let timed = try scripts("]")
    #expect(
      timed.measure == """
        #!/bin/bash
        #SBATCH --job-name=lab-x
        #SBATCH --array=1-8
        #SBATCH --nodes=1
        #SBATCH --ntasks=1
        #SBATCH --exclusive
        #SBATCH --mem=0
        #SBATCH --partition=p
        #SBATCH --chdir="/a b"
        #SBATCH --output="/a b/100%%/measure-%A_%a.log"
        #SBATCH --open-mode=append
        #SBATCH --signal=B:TERM@60
        # Measures a share of the trials.
        exec /bin/lab run x.json --share "$SLURM_ARRAY_TASK_ID/8"

        """)
    #expect(timed.report.contains("--exclusive"))
    #expect(!timed.report.contains("--array"))
    #expect(timed.report.hasSuffix("\nexec /bin/lab run x.json\n"))
    let untimed = try scripts(#"], "latency": false"#, "array=64%16,extra=--cpus-per-task=8")
    #expect(!untimed.measure.contains("--exclusive"))
    #expect(untimed.measure.contains("#SBATCH --array=1-64%16\n"))
    #expect(untimed.measure.contains("#SBATCH --cpus-per-task=8\n# "))
  }

  @Test func `the second attempt depends on failures, or on completion if more jobs follow`() throws
  {
    let plain = try scripts("]")
    let kill = "--kill-on-invalid-dep=yes"
    #expect(plain.again(after: "7") == ["--dependency=afternotok:7", kill])
    #expect(plain.last(after: "7", "8") == ["--dependency=afterok:7?afterany:8", kill])
    for rest in [
      #", {"method": "tail_effect", "alpha": 0.5, "layer": 3}]"#,
      #"], "accuracy": {"until": "2pp"}"#,
    ] {
      let searching = try scripts(rest)
      #expect(searching.again(after: "7") == ["--dependency=afterany:7", kill])
      #expect(searching.last(after: "7", "8") == ["--dependency=afterany:8", kill])
    }
  }
}
