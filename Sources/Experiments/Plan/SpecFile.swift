import Files
import Foundation
import Records
import Tensors

/// The spec of the last run of a folder, in `spec.json` next to the records, for readers of the
/// report.
package enum SpecFile {
  package static let name = "spec.json"

  /// Stores the spec as written, with the keys of specs that it extends and of the command line, if
  /// any.
  ///
  /// - Throws: `ExperimentsError.recordNotStored`.
  package static func write(
    _ source: SpecSource, devices: DeviceKinds, to folder: URL
  ) throws {
    let text = try source.completeText(order: SpecRules.root(devices).map(\.key))
    try FolderFile.write(Data(text.utf8), to: name, in: folder)
  }

  /// What the last run stored with its description, which may be empty; `nil` where none has.
  package static func read(_ folder: URL) -> (text: String, description: String)? {
    guard let data = FolderFile.read(name, in: folder) else { return nil }
    let text = String(decoding: data, as: UTF8.self)
    guard case .object(let members)? = try? JSONText.parse(text) else { return nil }
    return (text, members["description"]?.asString ?? "")
  }
}

extension SpecSource {
  /// The text of a spec that stands alone; else one with every key in this order, then the others.
  func completeText(order known: [String]) throws -> String {
    if let verbatim { return verbatim.hasSuffix("\n") ? verbatim : verbatim + "\n" }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // The path of a schema is correct for the spec, but not for its copy.
    let keys = members.keys.filter { !["$schema", "extends"].contains($0) }
    let ordered = keys.sorted { a, b in
      let ranks = [a, b].map { known.firstIndex(of: $0) ?? known.count }
      return ranks[0] == ranks[1] ? a < b : ranks[0] < ranks[1]
    }
    let lines = try ordered.map { key -> String in
      let value = String(decoding: try encoder.encode(members[key]), as: UTF8.self)
      return "  \"\(key)\" : " + value.replacing("\n", with: "\n  ")
    }
    return "{\n" + lines.joined(separator: ",\n") + "\n}\n"
  }
}
