import Files
import Foundation
import Hub
import Records
import Tensors
import VisionModels

/// Finds weight files and identifies them by their content.
struct WeightsOpener {
  let source: SpecSource
  let seed: Int
  let demoWeights: () throws -> URL
  let hub: Hub?
  let downloads: Bool

  /// The model with its weights; a weight file is read once, for its SHA-256.
  ///
  /// - Throws: `ExperimentsError.impossible` for a file that cannot be read.
  func open(_ choice: ModelChoice) throws -> PlannedModel {
    let weights: WeightSource
    let setting: WeightsSetting
    var notes: [String] = choice.notes
    switch choice.weights {
    case .random:
      weights = .random(seed: UInt64(seed))
      setting = WeightsSetting(name: "random", digest: "seed:\(seed)")
    case .demo:
      let url = try demoWeights()
      weights = .file(url)
      setting = WeightsSetting(name: "demo", digest: try digest([url], choice))
    case .files(let paths):
      let places = try paths.map { try place(of: $0, choice) }
      let urls = places.compactMap(\.url)
      // A placeholder while it is only planned.
      guard urls.count == places.count else {
        weights = .random(seed: UInt64(seed))
        setting = WeightsSetting(
          name: places.map(\.name).joined(separator: " + "),
          digest: places.map { $0.digest ?? "" }.joined(separator: "+"))
        notes += places.compactMap(\.note)
        break
      }
      weights = .files(urls, checkpointKey: choice.checkpointKey)
      let files: CheckpointFiles
      // A file of another kind is reported with its key in the spec.
      do {
        files = try CheckpointFiles(urls)
      } catch {
        throw wrong(choice, "\(error)")
      }
      let read = files.checkpoints.flatMap(\.files).map { URL(fileURLWithPath: "\($0)") }
      setting = copy(
        of: WeightsSetting(
          name: places.map(\.name).joined(separator: " + "), digest: try digest(read, choice)),
        in: files, choice)
    }
    let tokens = choice.entry.info.tokens
    return PlannedModel(
      choice: choice,
      setting: ModelSetting(
        name: choice.name,
        architecture: choice.entry.architecture.members.mapValues(\.canonical),
        weights: setting, tokens: tokens.tokens, prefixTokens: tokens.prefixTokens),
      weights: weights, notes: notes)
  }

  /// The weights as records name them: for a file with several copies of the model, the copy that
  /// is read.
  private func copy(
    of setting: WeightsSetting, in files: CheckpointFiles, _ choice: ModelChoice
  ) -> WeightsSetting {
    // Mismatches are reported once everything else is known.
    guard
      let fit = try? choice.entry.architecture.fit(files, checkpointKey: choice.checkpointKey),
      !fit.others.isEmpty
    else { return setting }
    return WeightsSetting(
      name: fit.checkpointKey.isEmpty ? setting.name : "\(setting.name):\(fit.checkpointKey)",
      digest: Self.digest(of: setting.digest + fit.wrapper))
  }

  /// The location of one weight file, or what would be downloaded.
  private struct Place {
    let name: String
    var url: URL?
    var digest: String?
    var note: String?
  }

  private func place(of path: String, _ choice: ModelChoice) throws -> Place {
    guard HubReference.isMeant(by: path) else {
      let url = URL(fileURLWithPath: source.path(path, ofKey: "model"))
      return Place(name: url.lastPathComponent, url: url)
    }
    guard let hub else { throw wrong(choice, "\(path): nothing is downloaded here") }
    do {
      let reference = try HubReference(path)
      let name = reference.repository + (reference.file.map { "/\($0)" } ?? "")
      let found = try hub.findWeights(of: reference)
      if case .there(let info) = found, !downloads {
        let size = info.bytes.map { String(format: " (%.1f MB)", Double($0) / 1e6) } ?? ""
        return Place(
          name: name, digest: info.hash,
          note: "not here yet: a run downloads \(reference.repository)/\(info.name)\(size) from "
            + hub.settings.endpoint)
      }
      return Place(name: name, url: try hub.fetchWeights(found, of: reference))
    } catch {
      throw wrong(choice, "\(error)")
    }
  }

  /// The model with remarks on its files, after comparing every key and shape.
  ///
  /// - Throws: `ExperimentsError.impossible` for weights of another model.
  func fitted(_ model: PlannedModel) throws -> PlannedModel {
    guard case .files(let urls, let checkpointKey) = model.weights, model.choice.weights.isFiles
    else { return model }
    var model = model
    do {
      let files = try CheckpointFiles(urls)
      model.notes += try model.choice.entry.architecture.fit(
        files, checkpointKey: checkpointKey, name: model.choice.name
      ).notes
    } catch {
      throw wrong(model.choice, "\(error)")
    }
    return model
  }

  /// A file's SHA-256; for several files, the SHA-256 of their concatenated hashes.
  private func digest(_ urls: [URL], _ choice: ModelChoice) throws -> String {
    let digests = try urls.map { try digest($0, choice) }
    return digests.count > 1 ? Self.digest(of: digests.joined()) : digests[0]
  }

  /// The SHA-256 of a text.
  private static func digest(of text: String) -> String {
    SHA256.hash(data: Data(text.utf8)).hexadecimal
  }

  private func digest(_ url: URL, _ choice: ModelChoice) throws -> String {
    do {
      let file = try RegularFile(PathBytes(url.path))
      var hash = SHA256()
      let step = 1 << 22
      for offset in stride(from: 0, to: file.size, by: step) {
        hash.update(data: try file.bytes(from: offset, count: step))
      }
      return hash.finalize().hexadecimal
    } catch {
      throw wrong(choice, "\(url.relativePath) \(error.reason)")
    }
  }

  private func wrong(_ choice: ModelChoice, _ message: String) -> ExperimentsError {
    .impossible(
      subject: "\(source.origin(of: choice.path)): \(choice.path).weights", message: message)
  }
}
