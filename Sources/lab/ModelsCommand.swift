import ArgumentParser
import Experiments
import Foundation
import Reporting
import TokenReduction
import VisionModels

/// `lab models`.
struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "Lists the models that a spec can name.",
    discussion: """
      Examples:
        lab models
        lab models swin_tiny_patch4_window7_224

      Any other plain vision transformer: "model": {"architecture": {"embed_dim": 64, "num_heads": 4}}.
      """)

  @Argument(help: "Only this model, with its stages and what reduces their tokens.")
  var name: String?

  func run() throws {
    guard let name else { return list() }
    guard let entry = ModelRegistry.entry(named: name) else {
      let names = ModelRegistry.all.map(\.name)
      throw ExperimentsError.impossible(
        subject: name,
        message: "is not a model; \(NearestName.advice(name, among: names, noun: "models"))")
    }
    show(entry)
  }

  private func list() {
    let table = TextTable(
      header: [
        "model", "known as", "image", "tokens", "blocks", "width", "heads", "parameters, M",
        "GMAC", "token reduction",
      ],
      alignments: [.leading, .leading] + Array(repeating: .trailing, count: 7) + [.leading],
      rows: ModelRegistry.all.map { entry in
        let info = entry.info
        // The stages of a model with several stages.
        func cell(_ value: (TokenStage) -> Int) -> String {
          let values = info.stages.map { "\(value($0))" }
          return values.isEmpty ? "–" : values.joined(separator: " ")
        }
        return [
          entry.name, entry.displayName, "\(info.imageSize)", cell(\.tokens), cell(\.blocks),
          cell(\.width), cell(\.heads), Self.millions(info.parameters), Self.macs(entry),
          info.geometry == nil ? "none" : "every method",
        ]
      })
    let lines = table.lines(
      width: Console.listWidth,
      dropping: ["heads", "width", "blocks", "known as", "tokens", "token reduction"],
      wrapping: "known as")
    print(lines.joined(separator: "\n"))
    print("\n`lab models NAME` says for each stage whether a method may reduce its tokens.")
  }

  private func show(_ entry: ModelEntry) {
    let (info, preprocessing) = (entry.info, entry.preprocessing)
    print("\(entry.name): \(entry.displayName), of the family \(info.family)")
    Console.list("source: \(entry.source)", indent: 4)
    print(
      "\(Self.millions(info.parameters)) M parameters, \(Self.macs(entry)) GMAC for an image of "
        + "\(info.imageSize) × \(info.imageSize) pixels, "
        + (preprocessing.resize > preprocessing.crop
          ? "cropped from \(preprocessing.resize)" : "not cropped") + "\n")
    guard !info.stages.isEmpty else {
      return print("It has no tokens: convolutions alone, and only the method none runs on it.")
    }
    let table = TextTable(
      header: ["stage", "tokens", "prefix", "blocks", "width", "heads", "token reduction"],
      alignments: Array(repeating: .trailing, count: 6) + [.leading],
      rows: info.stages.enumerated().map { index, stage in
        [
          "\(index + 1)", "\(stage.tokens)", "\(stage.prefixTokens)", "\(stage.blocks)",
          "\(stage.width)", "\(stage.heads)",
          stage.whyNotReducible.map { "none: \($0)" } ?? "every method",
        ]
      })
    let lines = table.lines(
      width: Console.listWidth, dropping: ["prefix"], wrapping: "token reduction")
    print(lines.joined(separator: "\n"))
  }

  private static func millions(_ count: Int) -> String {
    String(format: "%.2f", Double(count) / 1e6)
  }

  private static func macs(_ entry: ModelEntry) -> String {
    let composition = Composition.unreduced(entry.info.tokens)
    return String(format: "%.2f", Double(DryRun.macs(entry.architecture, composition)) / 1e9)
  }
}
