import ArgumentParser
import Experiments
import Foundation
import ImageCoding
import TokenReduction
import VisionModels

/// `lab visualize`.
struct VisualizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "visualize",
    abstract: "Draws which tokens each reducing block kept, fused, merged or dropped.",
    discussion: """
      Examples:
        lab visualize photo.png --method '{"method": "tail_effect", "r": 72}' --out tokens.png
        lab visualize cat.jpg --model deit_small_patch16_224 --weights deit_small.safetensors \
      --method '{"method": "tome", "r": 13}'

      One PNG: the input as the model sees it, then a panel for each reducing block, with a legend.
      """)

  @Argument(
    help: "A picture: \(ImageFormat.names).",
    completion: .file(extensions: ImageFormat.fileExtensions.sorted()))
  var image: String

  @OptionGroup var options: PredictOptions

  @Option(
    help: "The PNG to write; the image's and the method's name in this folder when left out.",
    completion: .file(extensions: ["png"]))
  var out: String?

  func validate() throws {
    if let out, !out.lowercased().hasSuffix(".png") {
      throw ValidationError("--out names a PNG file, such as tokens.png, not \(out).")
    }
  }

  func run() throws {
    let predictor = try Predictor(try Planner(try options.spec(), site: .here))
    let traced = try predictor.trace(file: image)
    guard !traced.trace.stages.isEmpty else {
      throw ExperimentsError.impossible(
        subject: "--method",
        message: "\(TrialLabel.short(predictor.method)) removes no token of "
          + "\(predictor.model.setting.name), so there is nothing to draw; name one that does, such as "
          + "'\(TailEffect.example)'")
    }
    let info = predictor.model.info
    let drawing = TokenPicture(
      input: traced.input, grid: info.stages.first?.grid ?? 1,
      title: "\(predictor.model.setting.name): \(TrialLabel.short(predictor.method))",
      inputLabel: "input: \(info.tokens.tokens) tokens", panels: traced.trace.stages.map(Self.panel)
    ).image()
    let stem = URL(fileURLWithPath: image).deletingPathExtension().lastPathComponent
    let file = out ?? "\(stem)-\(predictor.method.name).png"
    try PNGWriter.write(
      pixels: drawing.pixels, width: drawing.width, height: drawing.height, to: file)
    for stage in traced.trace.stages { print(Self.line(stage)) }
    print(file)
  }

  private static func place(_ stage: TokenTrace.Stage) -> String {
    "\(stage.step.position == .beforeBlock ? "before block" : "block") \(stage.step.block)"
  }

  private static func panel(_ stage: TokenTrace.Stage) -> TokenPicture.Panel {
    TokenPicture.Panel(
      label: "\(place(stage)): \(stage.step.tokensIn)→\(stage.step.tokensOut) tokens",
      cells: stage.fates.map { fate in
        switch fate {
        case .kept: .kept
        case .merged(let group): .merged(group: group)
        case .fused: .fused
        case .dropped: .dropped
        }
      })
  }

  /// For example `block 3: 145 → 73 tokens; patches: 71 kept, 73 fused`.
  private static func line(_ stage: TokenTrace.Stage) -> String {
    var counts = [("kept", 0), ("merged", 0), ("fused", 0), ("dropped", 0)]
    for fate in stage.fates {
      switch fate {
      case .kept: counts[0].1 += 1
      case .merged: counts[1].1 += 1
      case .fused: counts[2].1 += 1
      case .dropped: counts[3].1 += 1
      }
    }
    let parts = counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }.joined(separator: ", ")
    return "\(place(stage)): \(stage.step.tokensIn) → \(stage.step.tokensOut) tokens; "
      + "patches: \(parts)"
  }
}
