import ArgumentParser
import Experiments
import Foundation

/// The command line.
@main
struct Lab: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lab",
    abstract:
      "Finds the token-reduction method that makes your vision transformer fast on your device.",
    discussion: """
      Example:
        lab run Experiments/quickstart.json

      Exit codes: 0 done, 1 a trial failed, 2 bad input, 130 interrupted.
      """,
    version: Program.description,
    subcommands: [
      RunCommand.self, ReportCommand.self, CompareCommand.self, ExportCommand.self,
      ProfileCommand.self, PredictCommand.self, VisualizeCommand.self,
      ModelsCommand.self, WeightsCommand.self, MethodsCommand.self, DevicesCommand.self,
      SimulateCommand.self,
      DatasetCommand.self,
      SchemaCommand.self, ManualCommand.self,
    ])

  /// Runs the command named on the command line and ends the program with its exit code.
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      Foundation.exit(Outcome.flush(0))
    } catch {
      Foundation.exit(Outcome.flush(Outcome.report(error)))
    }
  }
}
