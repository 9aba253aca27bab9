import Files
import Foundation
import Records

/// The keys of a spec as written, before anything is checked, with the file that each came from.
package struct SpecSource: Sendable {
  /// A key that the command line sets.
  package struct Override: Sendable {
    package let key: String
    package let value: JSONValue
    /// For example `--model`.
    package let option: String

    package init(key: String, value: JSONValue, option: String) {
      self.key = key
      self.value = value
      self.option = option
    }
  }

  /// The file as the user named it.
  package let file: String
  package private(set) var members: [String: JSONValue]
  /// The whole text of a spec, if no other specs or options add to it; otherwise `nil`.
  private(set) var verbatim: String?
  /// Where each key came from: a file or an option.
  private var origins: [String: String]

  /// Reads a spec and those that it extends; for each key, the value of the nearest spec is used
  /// completely.
  ///
  /// - Throws: `ExperimentsError.fileUnreadable`, `.syntax`, `.invalidSpec` for a broken `extends`.
  package init(file: String, overrides: [Override] = []) throws {
    var chain: [String] = []
    try self.init(file: file, chain: &chain)
    apply(overrides)
  }

  /// A spec from text.
  ///
  /// - Throws: `ExperimentsError.syntax`, `.invalidSpec` when it is not an object.
  package init(text: String, file: String, overrides: [Override] = []) throws {
    self.file = file
    func noSpec(_ found: String) -> ExperimentsError {
      .invalidSpec([
        SpecProblem(
          source: file, path: "",
          message: found + "a spec is an object in braces, such as {\"model\": \"demo_vit\", …}")
      ])
    }
    guard !text.allSatisfy(\.isWhitespace) else { throw noSpec("the file is empty; ") }
    do {
      guard case .object(let members) = try JSONText.parse(text) else { throw noSpec("") }
      self.members = members
      verbatim = text
      origins = members.mapValues { _ in file }
    } catch let mistake as JSONText.Mistake {
      throw ExperimentsError.syntax(
        file: file, line: mistake.line, column: mistake.column, message: mistake.message)
    }
    apply(overrides)
  }

  private init(file: String, chain: inout [String]) throws {
    try self.init(text: try SpecText.read(file), file: file)
    guard case .string(let base)? = members["extends"], !base.isEmpty else { return }
    verbatim = nil
    let path = Self.path(base, besides: file)
    func broken(_ message: String) -> ExperimentsError {
      .invalidSpec([SpecProblem(source: file, path: "extends", message: message)])
    }
    chain.append(URL(fileURLWithPath: file).standardizedFileURL.path)
    guard !chain.contains(URL(fileURLWithPath: path).standardizedFileURL.path) else {
      throw broken("\"\(base)\" leads back to this spec; a spec cannot extend itself")
    }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw broken("\"\(base)\" does not exist; it is looked for in the folder of this file")
    }
    guard !isFolder.boolValue else { throw broken("\"\(base)\" is a folder; name a JSON file") }
    let parent = try SpecSource(file: path, chain: &chain)
    for (key, value) in parent.members where members[key] == nil && key != "name" {
      members[key] = value
      origins[key] = parent.origins[key]
    }
  }

  private mutating func apply(_ overrides: [Override]) {
    for override in overrides {
      verbatim = nil
      members[override.key] = override.value
      origins[override.key] = override.option
    }
  }

  /// The name for the results of a spec without a name: its file's, reduced to characters that a
  /// folder name may have.
  var derivedName: String {
    guard !InputFile.isStream(file) else { return "stdin" }
    let stem = ((file as NSString).lastPathComponent as NSString).deletingPathExtension
    // A leading dash looks like an option on the command line, and a leading dot hides a folder.
    let name = String(stem.map { FolderName.isPlain($0) ? $0 : "-" }.drop { "-.".contains($0) })
    return name.isEmpty ? "spec" : name
  }

  /// The file that the results are named after; `nil` if the spec has a name or is not a file.
  package var namingFile: URL? {
    guard members["name"] == nil, !InputFile.isStream(file) else { return nil }
    return URL(fileURLWithPath: file).standardizedFileURL
  }

  /// The file or option that a path's value came from.
  package func origin(of path: String) -> String {
    let key = path.prefix { $0 != "." && $0 != "[" }
    return origins[String(key)] ?? file
  }

  /// A location in the spec for error messages: the source of its value, and its path.
  package func place(of path: String) -> String {
    SpecProblem.place(source: origin(of: path), path: path)
  }

  /// A path in the spec: relative to the file that names it if it exists there, otherwise
  /// unchanged.
  package func path(_ text: String, ofKey key: String) -> String {
    let besides = Self.path(text, besides: origins[key] ?? file)
    return FileManager.default.fileExists(atPath: besides) ? besides : text
  }

  private static func path(_ text: String, besides file: String) -> String {
    // Input from the shell is in no folder.
    if text.hasPrefix("/") || InputFile.isStream(file) { return text }
    let folder = (file as NSString).deletingLastPathComponent
    return folder.isEmpty ? text : folder + "/" + text
  }
}

extension SpecSource {
  /// A single JSON value, for example of a command-line option.
  ///
  /// - Throws: `ExperimentsError.syntax`.
  package static func value(text: String, origin: String) throws -> JSONValue {
    do {
      return try JSONText.parse(text)
    } catch {
      throw ExperimentsError.syntax(
        file: origin, line: error.line, column: error.column, message: error.message)
    }
  }
}
