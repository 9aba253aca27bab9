import ArgumentParser
import Experiments
import Foundation

/// `lab manual`, which `make install` runs.
struct ManualCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "manual",
    abstract: "Prints the manual page, which is made from the help of all commands.",
    discussion: """
      Example:
        lab manual > lab.1 && man ./lab.1
      """,
    shouldDisplay: false)

  func run() throws {
    print(try ManualPage(dump: Lab._dumpHelp(), version: Program.version).text, terminator: "")
  }
}
