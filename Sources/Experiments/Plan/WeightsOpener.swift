import Crypto
import Foundation
import Records
import Tensors
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
      // A file of another kind is told with its key, not by what comes to read it.
      do {
        _ = try SafetensorsFile(url: url)
      } catch {
        throw wrong(choice, "\(error)")
      }
    }
    let tokens = choice.entry.info.tokens
    return PlannedModel(
      choice: choice,
      setting: ModelSetting(
        name: choice.name,
        architecture: choice.entry.architecture.members.mapValues(\.canonical),
        weights: setting, tokens: tokens.tokens, prefixTokens: tokens.prefixTokens),
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
      throw wrong(choice, "\(url.relativePath) cannot be read: \(systemReason(of: error))")
    }
  }

  private func wrong(_ choice: ModelChoice, _ message: String) -> ExperimentsError {
    .impossible(
      subject: "\(source.origin(of: choice.path)): \(choice.path).weights", message: message)
  }
}
