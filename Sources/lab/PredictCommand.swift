import ArgumentParser
import Experiments
import Files
import Foundation
import ImageCoding
import Records
import Reporting
import Tensors

/// `lab predict`.
struct PredictCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Classifies images, or writes a model's raw logits.",
    usage: """
      lab predict <pictures> ... [<options>]
      lab predict --images <file> [<options>]
      """,
    discussion: """
      Examples:
        lab predict cat.jpg dog.png --model deit_small_patch16_224 --weights deit_small.safetensors
        lab predict photo.png --method '{"method": "tail_effect", "r": 72}'
        lab predict --images input.safetensors --logits logits.safetensors --weights random

      --images reads a tensor 'images' [B, 3, side, side] that is already normalized; --logits writes a tensor \
      'logits' [B, classes], so that anyone can compare the numbers with another program's.
      """)

  @Argument(
    help: "Pictures: \(ImageFormat.names).",
    completion: .file(extensions: ImageFormat.fileExtensions.sorted()))
  var files: [String] = []

  @OptionGroup var model: PredictOptions

  @Option(
    help: "Normalized images instead of files.", completion: .file(extensions: ["safetensors"]))
  var images: String?

  @Option(help: "Write raw logits to this safetensors file.", completion: .file())
  var logits: String?

  func validate() throws {
    if files.isEmpty == (images == nil) {
      throw ValidationError("Give either image files or --images FILE.safetensors.")
    }
  }

  func run() throws {
    let predictor = try Predictor(
      try Planner(try model.spec(), site: .here(isOffline: model.offline)))
    let rows: [[Float]]
    var names = files
    if let images {
      let file = try SafetensorsFile(path: PathBytes(images))
      rows = try predictor.logits(images: try predictor.images(of: file))
      names = rows.indices.map { "image \($0)" }
    } else {
      rows = try predictor.logits(files: files)
    }
    if let logits {
      try SafetensorsWriter.write(
        [
          "logits": SafetensorsWriter.Array(
            shape: [rows.count, rows.first?.count ?? 0], floats: rows.flatMap { $0 })
        ],
        metadata: [
          "model": predictor.model.setting.name,
          "method": TrialLabel.text(predictor.method.setting),
          "weights": predictor.model.setting.weights?.digest ?? "",
        ], to: URL(fileURLWithPath: logits))
    } else {
      printTable(rows, names: names, classes: ClassNames(predictor.model).names)
    }
  }

  private func printTable(_ rows: [[Float]], names: [String], classes: [String]) {
    let table = TextTable(
      header: ["image", "rank", "class", "name", "probability"],
      alignments: [.leading, .trailing, .trailing, .leading, .trailing],
      rows: zip(names, rows).flatMap { name, logits in
        ClassNames.best(5, of: logits).enumerated().map { rank, best in
          [
            rank == 0 ? name : "", "\(rank + 1)", "\(best.index)", classes[best.index],
            String(format: "%.1f %%", 100 * best.share),
          ]
        }
      })
    let lines = table.lines(width: Console.listWidth, dropping: ["rank"], wrapping: "name")
    print(lines.joined(separator: "\n"))
  }
}
