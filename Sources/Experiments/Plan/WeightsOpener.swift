import Crypto
import Foundation
import Records
import VisionModels

/// Finds weight files and names them by their content.
struct WeightsOpener {
  let source: SpecSource
  let seed: Int
  let demoWeights: () throws -> URL

  /// The model with its weights; a weight file is read once, for its SHA-256.
  ///
  /// Errors: `ExperimentsError.impossible` for a file that cannot be read.
  func open(_ choice: ModelChoice) throws -> PlannedModel {
    let weights: WeightSource
    let setting: WeightsSetting
    switch choice.weights {
    case .random:
      weights = .random(seed: UInt64(seed))
      setting = WeightsSetting(name: "random", digest: "seed:\(seed)")
    case .demo:
      let url = try demoWeights()
      weights = .file(url)
      setting = WeightsSetting(name: "demo", digest: try digest(url, choice))
    case .file(let path):
      let url = URL(fileURLWithPath: source.path(path, ofKey: "model"))
      weights = .file(url)
      setting = WeightsSetting(name: url.lastPathComponent, digest: try digest(url, choice))
    }
    let architecture = choice.entry.architecture
    return PlannedModel(
      choice: choice,
      setting: ModelSetting(
        name: choice.name,
        architecture: ModelReader.members(of: architecture).mapValues(\.canonical),
        weights: setting, tokens: architecture.tokens, prefixTokens: architecture.prefixTokens),
      weights: weights)
  }

  private func digest(_ url: URL, _ choice: ModelChoice) throws -> String {
    do {
      let handle = try FileHandle(forReadingFrom: url)
      defer { try? handle.close() }
      var hash = SHA256()
      while let part = try handle.read(upToCount: 1 << 22), !part.isEmpty {
        hash.update(data: part)
      }
      return hash.finalize().map { String(format: "%02x", $0) }.joined()
    } catch {
      throw ExperimentsError.impossible(
        subject: "\(source.origin(of: choice.path)): \(choice.path).weights",
        message: "\(url.relativePath) cannot be read: \(systemReason(of: error))")
    }
  }
}
