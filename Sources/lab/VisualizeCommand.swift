import ArgumentParser
import Experiments
import Foundation
import ImageCoding
import Reporting
import TokenReduction
import VisionModels

/// `lab visualize`.
struct VisualizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "visualize",
    abstract: "Draws which tokens each reducing block kept, fused, merged or dropped.",
    discussion: """
      Examples:
        lab visualize photo.png
        lab visualize photo.png --method '{"method": "tail_effect", "r": 72}' --out tokens.svg
        lab visualize cat.jpg --model deit_small_patch16_224 --weights deit_small.safetensors \
      --method '{"method": "tome", "r": 13}' --out tokens.png

      One drawing: the input as the model sees it, what it is taken for with every token and with the method, then a \
      panel for each reducing block, with a legend. Without --method, tail_effect removes half of the patches. A PNG \
      needs rsvg-convert or Chromium.
      """)

  @Argument(
    help: "A picture: \(ImageFormat.names).",
    completion: .file(extensions: ImageFormat.fileExtensions.sorted()))
  var image: String

  @OptionGroup var options: PredictOptions

  @Option(
    help:
      "The SVG or PNG to write; an SVG with the image's and the method's name in this folder when left out.",
    completion: .file(extensions: ["svg", "png"]))
  var out: String?

  func validate() throws {
    if let out, !["svg", "png"].contains(URL(fileURLWithPath: out).pathExtension.lowercased()) {
      throw ValidationError("--out names an SVG or PNG file, such as tokens.svg, not \(out).")
    }
  }

  func run() throws {
    let isPNG = out?.lowercased().hasSuffix(".png") == true
    let converter = try isPNG ? SVGConverter(for: "--out") : nil
    let predictor = try Predictor(
      try Planner(try spec(), site: .here(isOffline: options.offline)))
    let traced = try predictor.trace(file: image)
    guard !traced.trace.stages.isEmpty else {
      throw ExperimentsError.impossible(
        subject: "--method",
        message: "\(TrialLabel.short(predictor.method.setting)) removes no token of "
          + "\(predictor.model.setting.name), so there is nothing to draw; name one that does, such as "
          + "'\(TailEffect.example)'")
    }
    let predictions = try predictions(predictor)
    let drawing = try picture(traced, predictor, predictions).svg()
    let stem = URL(fileURLWithPath: image).deletingPathExtension().lastPathComponent
    let file = out ?? "\(stem)-\(predictor.method.setting.name).svg"
    if let converter {
      try converter.write(drawing, to: file)
    } else {
      try OutputFile.store(drawing, in: file)
    }
    for line in traced.trace.stages.map(Self.line) + predictions + [file] { print(line) }
  }

  /// The command line as a spec; by default, half of the patches are removed.
  private func spec() throws -> Spec {
    guard options.method == nil else { return try options.spec() }
    let patches = try options.spec().models[0].entry.info.tokens.patchTokens
    return try options.spec(
      standard: #"{"method": "\#(TailEffect.name)", "r": \#(patches / 2)}"#)
  }

  /// The predicted classes, with every token and with the method.
  private func predictions(_ predictor: Predictor) throws -> [String] {
    let classes = ClassNames(predictor.model)
    return try [("every token", try predictor.unreduced()), ("the method", predictor)].map {
      "prediction with \($0): \(classes.prediction(try $1.logits(files: [image])[0]))"
    }
  }

  private func picture(
    _ traced: TracedImage, _ predictor: Predictor, _ predictions: [String]
  ) throws -> TokenPicture {
    let info = predictor.model.info
    return TokenPicture(
      input: TokenPicture.Input(
        base64PNG: Data(try PNGWriter.data(traced.input)).base64EncodedString(),
        grid: info.stages.first?.grid ?? 1, label: "input: \(info.tokens.tokens) tokens"),
      headings: [
        "\(predictor.model.setting.name): \(TrialLabel.short(predictor.method.setting))"
      ] + predictions, panels: traced.trace.stages.map(Self.panel))
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
