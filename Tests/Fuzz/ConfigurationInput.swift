import Foundation
import VisionModels

/// A model's `config.json` and, after a zero byte, its `preprocessor_config.json`; if they describe
/// a model, it is planned.
enum ConfigurationInput {
  static func read(_ bytes: [UInt8], _ folder: URL) throws {
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let read = try ModelConfiguration(
      Data(parts[0]), preprocessor: parts.count > 1 ? Data(parts[1]) : nil, source: "fuzz")
    let entry = read.entry
    guard entry.architecture.problems().isEmpty else { return }
    precondition(entry.info.parameters >= 0, "a model of less than nothing")
    precondition(entry.preprocessing.crop > 0, "a picture without a side")
  }
}
