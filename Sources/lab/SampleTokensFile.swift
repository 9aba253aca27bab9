import Experiments
import Foundation
import ImageCoding
import Records
import Reporting
import VisionModels

/// What the methods of the last run did to three images, in `tokens.json` of its folder.
enum SampleTokensFile {
  private static let name = "tokens.json"

  /// Stores the traces of a run's methods; if there are none, the file of an earlier run is
  /// deleted.
  ///
  /// - Throws: Those of `Planner.sampleTraces`, `PNGWriteError`, and of writing.
  static func write(_ planner: Planner, _ plan: Plan, to folder: URL) throws {
    let samples = try planner.sampleTraces(of: plan).map { traces in
      SampleTokens(
        model: traces.model.name, grid: traces.grid,
        pictures: try traces.pictures.map { picture in
          SampleTokens.Picture(
            base64PNG: Data(try PNGWriter.data(picture.image)).base64EncodedString(),
            label: picture.label)
        },
        rows: traces.methods.map { traced in
          SampleTokens.Row(
            label: TrialLabel.short(traced.method), method: traced.method.name,
            states: traced.fates.map { $0.map(state) })
        })
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try FolderFile.write(try encoder.encode(samples) + Data("\n".utf8), to: name, in: folder)
  }

  private static func state(_ fate: TokenTrace.Fate) -> String {
    switch fate {
    case .kept: "k"
    case .merged(let group): "\(group)"
    case .fused: "f"
    case .dropped: "d"
    }
  }

  /// The stored traces; empty if the file does not exist or was changed.
  static func read(_ folder: URL) -> [SampleTokens] {
    let stored =
      FolderFile.read(name, in: folder)
      .flatMap { try? JSONDecoder().decode([SampleTokens].self, from: $0) } ?? []
    return stored.filter(\.isWhole)
  }
}
