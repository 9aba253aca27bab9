import Datasets
import Files
import Foundation
import Hub
import Records
import Tensors

/// Checks that the files and folders of a spec exist, so that a missing one is reported with all
/// other mistakes.
///
/// Their contents are read later, by the code that opens them.
enum SpecFiles {
  /// One problem for each file or folder that is missing, or that is a folder instead of a file or
  /// vice versa.
  static func problems(in source: SpecSource) -> [SpecProblem] {
    let models = values(source.members["model"], at: "model").flatMap { path, value in
      named(value, at: path, ["weights"]).compactMap { path, text in
        ["random", "demo"].contains(text) || HubReference.isMeant(by: text)
          ? nil : problem(source, text, key: "model", path, wantsFolder: false)
      }
    }
    let datasets = values(source.members["dataset"], at: "dataset").flatMap { path, value in
      named(value, at: path, DatasetKinds.folderKeys).compactMap { path, text in
        let first = ShardPattern(PathBytes(text))?.paths.first.map { "\($0)" }
        return problem(source, first ?? text, key: "dataset", path, wantsFolder: true)
      }
        + named(value, at: path, ["manifest"]).compactMap { path, text in
          problem(source, text, key: "dataset", path, wantsFolder: false)
        }
    }
    return models + datasets
  }

  /// A value, or each of a list, with its path.
  private static func values(_ value: JSONValue?, at path: String) -> [(String, JSONValue)] {
    switch value {
    case nil: []
    case .array(let values)?: values.enumerated().map { ("\(path)[\($0)]", $1) }
    case let value?: [(path, value)]
    }
  }

  /// Every model of the spec that is not in the registry, or why it is not found.
  static func models(
    in source: SpecSource, _ finder: ModelFinder
  ) -> [String: Result<ModelFinder.Found, any Error>] {
    var found: [String: Result<ModelFinder.Found, any Error>] = [:]
    for (_, value) in values(source.members["model"], at: "model") {
      var name = value.asString
      if case .object(let members) = value { name = members["name"]?.asString }
      guard let name, found[name] == nil, ModelFinder.isMeant(by: name, source) else { continue }
      found[name] = Result { try finder.find(name, source) }
    }
    return found
  }

  private static func named(
    _ value: JSONValue, at path: String, _ keys: [String]
  ) -> [(String, String)] {
    guard case .object(let members) = value else { return [] }
    return keys.flatMap { key in
      values(members[key], at: "\(path).\(key)").compactMap { path, value in
        value.asString.flatMap { $0.isEmpty ? nil : (path, $0) }
      }
    }
  }

  private static func problem(
    _ source: SpecSource, _ text: String, key: String, _ path: String, wantsFolder: Bool
  ) -> SpecProblem? {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(
      atPath: source.path(text, ofKey: key), isDirectory: &isFolder)
    let message: String
    let home = HomePath.expanded(text)
    if !exists, home != text {
      message = "only a shell knows what ~ is; write \(JSONValue.string(home).text)"
    } else if !exists {
      message =
        "\"\(text)\" does not exist; it is looked for in the folder of the spec and in the current one"
    } else if isFolder.boolValue != wantsFolder {
      // ImageNet may also be one archive or table, which its own reader judges.
      guard !wantsFolder else { return nil }
      message =
        "\"\(text)\" is a folder; name the file \(path.hasSuffix(".manifest") ? "that `lab dataset check` wrote" : "of weights")"
    } else {
      return nil
    }
    var problem = SpecProblem(source: source.origin(of: path), path: path, message: message)
    problem.isMissingFile = !exists
    return problem
  }
}

extension SpecReader {
  /// The checked spec of `source`, whose files all exist.
  ///
  /// - Parameters:
  ///   - devices: What the program has.
  ///   - finder: Finds models that no registry names; without one they are mistakes.
  /// - Throws: `ExperimentsError.invalidSpec` with everything that is wrong, missing files
  ///   included.
  package static func readWithFiles(
    _ source: SpecSource, devices: DeviceKinds, finder: ModelFinder? = nil
  ) throws -> Spec {
    let missing = SpecFiles.problems(in: source)
    let spec: Spec
    do {
      spec = try read(
        source, devices: devices,
        found: finder.map { SpecFiles.models(in: source, $0) } ?? [:])
    } catch ExperimentsError.invalidSpec(let problems) {
      // A file named by an invalid value is not a second mistake.
      let paths = Set(problems.map(\.path))
      throw ExperimentsError.invalidSpec(problems + missing.filter { !paths.contains($0.path) })
    }
    guard missing.isEmpty else { throw ExperimentsError.invalidSpec(missing) }
    return spec
  }
}

/// A path as a shell would read it.
enum HomePath {
  /// `path` with the home folder in the place of a leading `~`.
  static func expanded(_ path: String) -> String {
    guard path == "~" || path.hasPrefix("~/") else { return path }
    return FileManager.default.homeDirectoryForCurrentUser.path + path.dropFirst()
  }
}
