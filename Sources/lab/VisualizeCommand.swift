import ArgumentParser
import Experiments
import Foundation
import ImageCoding
import Records

/// `lab visualize`.
struct VisualizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "visualize",
    abstract: "Draws which tokens each reducing block kept, fused, merged or dropped.",
    discussion: """
      Examples:
        lab visualize photo.jpg --method '{"method": "tail_effect", "r": 72}'
        lab visualize cat.png --model deit_small_patch16_224 --weights deit_small.safetensors \
      --method '{"method": "tome", "r": 13}' --out pictures

      One PNG for each reducing block. Kept patches are shown as they are, dropped ones grey, fused ones blue; the \
      patches of a merged token share its mean colour.
      """)

  @Argument(help: "A PNG or JPEG file.", completion: .file(extensions: ["png", "jpg", "jpeg"]))
  var file: String

  @OptionGroup var model: PredictOptions

  @Option(help: "The folder for the pictures.", completion: .directory)
  var out = "."

  func run() throws {
    let predictor = try Predictor(try Planner(try model.spec(), site: .here))
    let (picture, fates) = try predictor.fates(file: file)
    guard !fates.steps.isEmpty else {
      throw ExperimentsError.impossible(
        subject: "--method",
        message:
          "\(TrialLabel.short(predictor.method)) removes nothing, so there is nothing to draw")
    }
    let folder = URL(fileURLWithPath: out, isDirectory: true)
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw ExperimentsError.folderNotWritable(folder: out, reason: error.localizedDescription)
    }
    let stem = (URL(fileURLWithPath: file).lastPathComponent as NSString).deletingPathExtension
    for step in fates.steps {
      let drawn = picture.picture(step)
      let name = "\(stem)-\(predictor.method.name)-block\(String(format: "%02d", step.block)).png"
      let path = folder.appendingPathComponent(name).path
      try PNGWriter.write(
        pixels: drawn.pixels, width: drawn.width, height: drawn.height, to: path)
      print("\(folder.appendingPathComponent(name).relativePath): \(Self.counts(step))")
    }
  }

  /// For example `73 tokens; of 144 patches 71 kept, 73 fused`.
  static func counts(_ step: TokenFates.Step) -> String {
    var counts = [0, 0, 0, 0]
    for fate in step.fates {
      switch fate {
      case .kept: counts[0] += 1
      case .merged: counts[1] += 1
      case .fused: counts[2] += 1
      case .dropped: counts[3] += 1
      }
    }
    let parts = zip(counts, ["kept", "merged", "fused", "dropped"]).filter { $0.0 > 0 }
      .map { "\($0.0) \($0.1)" }
    return "\(step.tokens) tokens; of \(step.fates.count) patches \(parts.joined(separator: ", "))"
  }
}
