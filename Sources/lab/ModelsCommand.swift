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
        "model", "known as", "image", "tokens", "prefix", "blocks", "width", "heads",
        "parameters, M",
      ],
      alignments: [.leading, .leading] + Array(repeating: .trailing, count: 7),
      rows: ModelRegistry.all.map { entry in
        let info = entry.info
        // Of a model with several stages the last one's, which methods reduce where they can.
        let stage = info.stages.last
        func cell(_ value: Int?) -> String { value.map(String.init) ?? "–" }
        return [
          entry.name, entry.displayName, "\(info.imageSize)", cell(stage?.tokens),
          cell(stage?.prefixTokens), cell(stage?.blocks), cell(stage?.width), cell(stage?.heads),
          String(format: "%.1f", Double(info.parameters) / 1e6),
        ]
      })
    print(table.lines().joined(separator: "\n"))
  }
}
