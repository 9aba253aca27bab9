import Files
import Foundation
import Records

/// What the report of a folder needs in addition to its records, and the spec that owns the folder:
/// `context.json`.
package struct ReportContext: Codable, Hashable, Sendable {
  /// The spec whose file the folder is named after; `nil` if the spec has a name.
  package var spec: String?
  /// The locations of weights and data sets as in the spec, by digest or fingerprint.
  package var paths: [String: String]
  /// Remarks on the run, one sentence each.
  package var remarks: [String]
  /// Maps a model to the model that it is compared with; `nil` in folders of earlier versions.
  package var baselines: [String: String]?

  /// The names of a data set's classes, by its fingerprint; `nil` in folders of earlier versions.
  package var classNames: [String: [String]]?

  private static let fileName = "context.json"

  package init(
    spec: String? = nil, paths: [String: String] = [:], remarks: [String] = [],
    baselines: [String: String] = [:], classNames: [String: [String]] = [:]
  ) {
    self.spec = spec
    self.paths = paths
    self.remarks = remarks
    self.baselines = baselines.isEmpty ? nil : baselines
    self.classNames = classNames.isEmpty ? nil : classNames
  }

  /// Stores the context, completely or not at all.
  ///
  /// - Throws: `ExperimentsError.recordNotStored`.
  package func write(to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try FolderFile.write(
      try encoder.encode(self) + Data("\n".utf8), to: Self.fileName, in: folder)
  }

  /// The context of the last run; empty if there is none.
  package static func read(_ folder: URL) -> ReportContext {
    let stored = FolderFile.read(fileName, in: folder)
    return stored.flatMap { try? JSONDecoder().decode(ReportContext.self, from: $0) }
      ?? ReportContext()
  }

  /// Refuses a folder that belongs to another spec's file.
  ///
  /// Two files can lead to one name, `a b.json` and `a-b.json`, or `x/a.json` and `y/a.json`, and
  /// the second run would replace the first's report. A file that no longer exists was moved or
  /// renamed.
  /// - Throws: `ExperimentsError.impossible`.
  package static func checkOwner(of folder: URL, source: SpecSource) throws {
    guard let file = source.namingFile, let owner = read(folder).spec, owner != file.path,
      FileManager.default.fileExists(atPath: owner),
      FileStatus(of: PathBytes(owner))?.identity != FileStatus(of: PathBytes(file.path))?.identity
    else { return }
    throw ExperimentsError.impossible(
      subject: source.file,
      message:
        "its results would go to \(folder.relativePath), which holds those of \(owner); give "
        + "one of the two a \"name\"")
  }
}

extension Planner {
  /// What the report of this spec needs in addition to the records.
  package var reportContext: ReportContext {
    var paths: [String: String] = [:]
    for model in models {
      if case .files(let files) = model.choice.weights, let digest = model.setting.weights?.digest {
        paths[digest] = files.joined(separator: " + ")
      }
    }
    for dataset in datasets {
      if let folder = dataset.choice.folder { paths[dataset.fingerprint] = folder }
    }
    return ReportContext(
      spec: spec.source.namingFile?.path, paths: paths, remarks: unmeasuredAccuracies,
      baselines: spec.baselines,
      classNames: Dictionary(
        datasets.map { ($0.fingerprint, $0.images.classNames) }, uniquingKeysWith: { $1 }))
  }

  /// Models with a data set whose accuracy is not measured, one sentence each.
  private var unmeasuredAccuracies: [String] { untrained.map(\.sentence) }

  /// The same as warnings, which name the location in the spec.
  var warningsOfAccuracy: [String] {
    untrained.map { "\(spec.source.place(of: $0.path)): \($0.sentence)" }
  }

  private var untrained: [(path: String, sentence: String)] {
    guard spec.source.members["dataset"] != nil, spec.accuracy.mode == .whereTrained else {
      return []
    }
    return models.filter { !$0.choice.isTrained }.map { model in
      (
        model.choice.path,
        "\(model.choice.name) has random weights, so its accuracy is not measured; give \"weights\" "
          + "a file, or set \"accuracy\" to false"
      )
    }
  }
}
