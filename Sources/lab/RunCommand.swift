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

  @Option(
    help: ArgumentHelp(
      "Measure one share of the trials, such as 3/8, the third of eight, and render nothing.",
      discussion: "For machines that do not see each other's locks.", valueName: "number/count"))
  var share: String?

  @Option(
    help: ArgumentHelp(
      "With --dry-run, how long the run takes on so many machines, such as 1,8,64.",
      valueName: "counts"))
  var machines: String?

  @OptionGroup(title: "Cluster") var slurm: SlurmOptions

  @Flag(help: "Measure everything anew; earlier records are moved aside, to 'earlier'.")
  var fresh = false

  @Option(help: "Measure only trials whose name matches, such as '*tail_effect*' or 'latency'.")
  var only: String?

  func validate() throws {
    if let share, Share(share) == nil {
      throw ValidationError(
        "--share \(share) is no share; it is NUMBER/COUNT with a number from 1, such as 3/8.")
    }
    if slurm.isAsked, share != nil || dryRun {
      throw ValidationError(
        "--slurm does not go with \(dryRun ? "--dry-run; --slurm-dry-run prints the scripts" : "--share, which its tasks are given")."
      )
    }
    if machines != nil {
      guard dryRun else { throw ValidationError("--machines goes with --dry-run.") }
      guard counts != nil else {
        throw ValidationError("--machines takes counts from 1, such as 1,8,64.")
      }
    }
  }

  /// The counts of --machines; `nil` if it is not a list of counts.
  private var counts: [Int]? {
    let counts = (machines ?? "").split(separator: ",", omittingEmptySubsequences: false).map {
      Int($0)
    }
    let valid = counts.compactMap { $0 }.filter { (1...Share.maxCount).contains($0) }
    return valid.count == counts.count ? valid : nil
  }

  func run() async throws {
    if slurm.isAsked {
      let request = try SlurmRequest(slurm.slurm ?? "")
      let spec = try spec.read()
      let submission = try SlurmSubmission(
        spec, request, results: results.folder(spec.name),
        arguments: slurm.others(CommandLine.arguments))
      if slurm.slurmDryRun { submission.show() } else { try submission.submit(fresh: fresh) }
      return
    }
    let share = share.flatMap { Share($0) }
    let session = try Session(
      spec.read(), folder: results, fresh: fresh, writes: !dryRun,
      site: .here(isOffline: spec.offline, downloads: !dryRun))
    if dryRun {
      try session.printPlan(only: only, share: share, machines: counts ?? [])
    } else {
      try session.run(only: only, share: share, again: CommandLine.arguments)
    }
  }
}
