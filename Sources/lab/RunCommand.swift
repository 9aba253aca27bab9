import ArgumentParser
import CPUBackend
import Experiments
import Foundation
import Records
import Reporting

/// `lab run`.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Measures what a spec asks for and is not recorded yet, then renders the report.",
    discussion: """
      Examples:
        lab run Experiments/quickstart.json
        lab run Experiments/quickstart.json --dry-run
        lab run exp.json --model hf:timm/deit_small_patch16_224.fb_in1k --dataset imagenet:/data/val
        lab run exp.json --model deit_small_patch16_224 --weights deit_small.safetensors \
      --dataset imagenet:/data/val

      Records are kept in Results/NAME. Ctrl-C stops at the next batch; the same command goes on from there.
      """)

  @OptionGroup var spec: SpecOptions
  @OptionGroup var results: ResultsOptions

  @Flag(help: "Print every trial and measure nothing.")
  var dryRun = false

  @Flag(help: "Measure everything anew; earlier records are moved aside, to 'earlier'.")
  var fresh = false

  @Option(help: "Measure only trials whose name matches, such as '*tail_effect*' or 'latency'.")
  var only: String?

  func run() async throws {
    let session = try Session(
      spec.read(), folder: results, fresh: fresh, writes: !dryRun,
      site: .here(isOffline: spec.offline, downloads: !dryRun))
    if dryRun {
      try session.printPlan(only: only)
    } else {
      try session.run(only: only, again: CommandLine.arguments)
    }
  }
}
