import Files
import Foundation
import Hub
import Records
import VisionModels

/// Finds models that are not in the registry: repositories on the Hugging Face Hub, and folders
/// with a `config.json`.
package struct ModelFinder: Sendable {
  /// The model found for a text.
  package struct Found: Sendable {
    package let entry: ModelEntry
    /// The weight file as a spec would name it.
    package let weights: String
    /// Remarks from its configuration, one clause each.
    package let notes: [String]
  }

  private let hub: Hub

  package init(hub: Hub) { self.hub = hub }

  /// Whether a model's name is a repository or a folder, and not a name of the registry.
  static func isMeant(by text: String, _ source: SpecSource) -> Bool {
    if HubReference.isMeant(by: text) { return true }
    guard ModelRegistry.entry(named: text) == nil else { return false }
    return text.hasPrefix("/") || text.hasPrefix("./") || text.hasPrefix("../")
      || folder(text, source) != nil
  }

  private static func folder(_ text: String, _ source: SpecSource) -> URL? {
    var isFolder: ObjCBool = false
    let path = source.path(text, ofKey: "model")
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
    else { return nil }
    return URL(fileURLWithPath: path)
  }

  /// The model of a repository or folder; only the configuration of a repository is downloaded.
  ///
  /// Errors: `HubError`, `ConfigurationError`, or a `Problem`.
  package func find(_ text: String, _ source: SpecSource) throws -> Found {
    if HubReference.isMeant(by: text) { return try repository(HubReference(text)) }
    guard let folder = Self.folder(text, source) else {
      throw Problem(
        "\"\(text)\" is no folder; a model is a name of `lab models`, a folder with a config.json, "
          + "or hf:OWNER/NAME")
    }
    func data(_ name: String) throws -> Data? {
      let file = folder.appendingPathComponent(name)
      guard FileStatus(of: PathBytes(file.path)) != nil else { return nil }
      return try Self.data(at: file)
    }
    guard let config = try data("config.json") else {
      throw Problem(
        "\"\(text)\" has no config.json, which says what its weights are of; name the model, and "
          + "the file as its \"weights\"")
    }
    let read = try ModelConfiguration(
      config, preprocessor: try data("preprocessor_config.json"), source: text)
    let names = Hub.weightNames
    guard
      let name = names.first(where: {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
      })
    else {
      throw Problem(
        "\"\(text)\" has a config.json and none of \(names.joined(separator: ", ")); name its file "
          + "of weights as \"weights\"")
    }
    return Found(
      entry: read.entry, weights: folder.appendingPathComponent(name).path, notes: read.notes)
  }

  private func repository(_ reference: HubReference) throws -> Found {
    guard let config = try hub.file("config.json", of: reference) else {
      throw Problem(
        "\(reference.repository) has no config.json, which says what its weights are of; name the "
          + "model, and the repository as its \"weights\"")
    }
    let data = try Self.data(at: config)
    // timm's say everything in one file.
    let asksForMore = !String(decoding: data, as: UTF8.self).contains("\"architecture\"")
    let images =
      try asksForMore ? hub.file("preprocessor_config.json", of: reference) : nil
    let read = try ModelConfiguration(
      data, preprocessor: try images.map(Self.data), source: reference.text)
    return Found(entry: read.entry, weights: reference.text, notes: read.notes)
  }

  /// A configuration, of which none is near the limit.
  private static func data(at file: URL) throws(FileError) -> Data {
    try RegularFile.data(at: file, maxBytes: 1 << 24)
  }

  /// A sentence about a location in the spec.
  struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}
