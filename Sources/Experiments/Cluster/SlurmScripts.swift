/// The batch scripts of a run on a cluster, and how they are submitted.
///
/// The shares are a job array. It is submitted twice: the second array runs if a share of the first
/// failed, or always if the first only measures what the second depends on, such as the grids of a
/// search. Recorded trials are not measured again, so a share that is complete ends immediately.
/// After both, a job measures what is left and writes the report.
package struct SlurmScripts {
  package let request: SlurmRequest
  /// The spec's name.
  package let name: String
  /// The folder in which the command was typed.
  package let folder: String
  /// The folder of scripts and logs.
  package let logs: String
  /// The command without a share, with each word quoted for the shell.
  package let command: String
  /// Whether timings are taken, which need an empty node.
  package let isTimed: Bool
  /// Whether measurements decide what else is measured.
  package let goesOn: Bool

  package init(
    request: SlurmRequest, spec: Spec, folder: String, logs: String, command: String
  ) {
    self.request = request
    name = spec.name
    self.folder = folder
    self.logs = logs
    self.command = command
    isTimed = spec.latency != nil
    goesOn =
      spec.accuracy.until != nil || spec.matchedDrop != nil
      || spec.methods.contains { $0.search != nil }
  }

  /// The script of the job array.
  package var measure: String {
    let limit = request.atOnce.map { "%\($0)" } ?? ""
    return text(
      ["--array=1-\(request.shares)\(limit)"], log: "measure-%A_%a.log",
      does: "Measures a share of the trials.",
      command: "\(command) --share \"$SLURM_ARRAY_TASK_ID/\(request.shares)\"")
  }

  /// The script of the last job.
  package var report: String {
    text(
      [], log: "report-%j.log", does: "Measures what is left and renders the report.",
      command: command)
  }

  /// The sbatch options for the second try of the shares, after job `measured` has ended.
  package func again(after measured: String) -> [String] {
    ["--dependency=\(goesOn ? "afterany" : "afternotok"):\(measured)", Self.killsInvalid]
  }

  /// The options of sbatch of the last job.
  package func last(after measured: String, _ again: String) -> [String] {
    // The second try is canceled if the first succeeded.
    let dependency = goesOn ? "afterany:\(again)" : "afterok:\(measured)?afterany:\(again)"
    return ["--dependency=\(dependency)", Self.killsInvalid]
  }

  /// A job whose condition cannot become true would wait forever.
  private static let killsInvalid = "--kill-on-invalid-dep=yes"

  private func text(_ own: [String], log: String, does: String, command: String) -> String {
    var options = ["--job-name=lab-\(name)"] + own + ["--nodes=1", "--ntasks=1"]
    // lab uses every CPU of a node, and nothing else should run during timings.
    options += isTimed ? ["--exclusive", "--mem=0"] : []
    options += request.partition.map { ["--partition=\($0)"] } ?? []
    options += request.account.map { ["--account=\($0)"] } ?? []
    options += request.time.map { ["--time=\($0)"] } ?? []
    options += [
      "--chdir=\(Self.quoted(folder))",
      "--output=\(Self.quoted(logs.replacing("%", with: "%%") + "/" + log))", "--open-mode=append",
      // It then stops after the current batch, and what it has measured is kept.
      "--signal=B:TERM@60",
    ]
    options += request.extra.map { [$0] } ?? []
    return (["#!/bin/bash"] + options.map { "#SBATCH \($0)" } + ["# \(does)", "exec \(command)"])
      .joined(separator: "\n") + "\n"
  }

  /// A path in the form that sbatch reads from a script.
  private static func quoted(_ path: String) -> String {
    path.contains { $0.isWhitespace || "'\"\\#".contains($0) }
      ? "\"" + path.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\"" : path
  }
}
