import ArgumentParser
import Experiments
import Foundation

/// `lab schema`.
struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Prints the JSON Schema of a spec.",
    discussion: """
      Example:
        lab schema > Experiments/schema.json

      An editor that knows the schema completes keys and names mistakes while you type: begin a spec with \
      "$schema": "schema.json".
      """)

  func run() throws { print(try SpecSchema.text(Devices.all)) }
}
