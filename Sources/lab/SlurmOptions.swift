import ArgumentParser

/// The options for submitting a run to a cluster.
struct SlurmOptions: ParsableArguments {
  @Option(
    defaultAsFlag: "array=4", parsing: .next,
    help: ArgumentHelp(
      "Submit the run to Slurm: a job array of shares, and a report behind it.",
      discussion:
        "Any of partition=NAME, account=NAME, time=H:MM:SS, array=SIZE or SIZE%AT_ONCE, and last extra=OPTIONS of sbatch.",
      valueName: "key=value,…"))
  var slurm: String?

  @Flag(help: "Print what --slurm would submit, and submit nothing.")
  var slurmDryRun = false

  /// Whether a cluster does the work.
  var isAsked: Bool { slurm != nil || slurmDryRun }

  /// The words of a command line without these options and `--fresh`.
  func others(_ arguments: [String]) -> [String] {
    var rest: [String] = []
    var isValue = false
    for argument in arguments {
      if isValue, argument == slurm {
        isValue = false
        continue
      }
      isValue = argument == "--slurm"
      if isValue || argument.hasPrefix("--slurm=") || argument == "--slurm-dry-run"
        || argument == "--fresh"
      {
        continue
      }
      rest.append(argument)
    }
    return rest
  }
}
