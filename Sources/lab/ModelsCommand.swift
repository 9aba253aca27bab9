import ArgumentParser
import Foundation
import Reporting
import VisionModels

/// `lab models`.
struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "Lists the models that a spec can name.",
    discussion: """
      Example:
        lab models

      Any other plain vision transformer: "model": {"architecture": {"embed_dim": 64, "num_heads": 4}}.
      """)

  func run() {
    let table = TextTable(
      header: [
        "model", "known as", "image", "patch", "tokens", "prefix", "blocks", "width", "heads",
      ],
      alignments: [.leading, .leading] + Array(repeating: .trailing, count: 7),
      rows: ModelRegistry.all.map { entry in
        let a = entry.architecture
        return [
          entry.name, entry.displayName, "\(a.imageSize)", "\(a.patchSize)", "\(a.tokens)",
          "\(a.prefixTokens)", "\(a.depth)", "\(a.embedDim)", "\(a.numHeads)",
        ]
      })
    print(table.lines().joined(separator: "\n"))
  }
}
