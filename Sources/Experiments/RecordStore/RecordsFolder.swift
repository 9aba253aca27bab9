import Files
import Foundation
import Records
import Support

/// All record files of a folder, read incrementally as they grow.
package struct RecordsFolder {
  private let url: URL
  private var files: [String: RecordsFile] = [:]
  private let readers = LineReaders()
  private var found = RecordsFile.Found()

  package init(url: URL) { self.url = url }

  /// The usable records of a read-only folder, one per key, and the problems of its files.
  ///
  /// - Throws: `ExperimentsError.recordTooNew`, `.fileUnreadable`.
  package static func read(_ url: URL) throws -> (records: [Record], warnings: [String]) {
    var folder = RecordsFolder(url: url)
    var index = RecordIndex()
    for record in try folder.readNew() { index.insert(record) }
    return (index.records, folder.warnings + folder.versionNotes(of: index.records))
  }

  /// The problems of the files, one sentence each.
  var warnings: [String] {
    guard found.unsealed > 0 else { return found.warnings }
    let count = counted(found.unsealed, "record carries", "records carry")
    return found.warnings + [
      "\(url.relativePath): \(count) no seal, as a run writes it, so that a change by hand would "
        + "not show; --fresh measures them again"
    ]
  }

  /// The record files, by name.
  func names() throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: url.path)
        .filter { $0.hasSuffix(".jsonl") && !$0.hasPrefix(".") }.sorted()
    } catch {
      throw ExperimentsError.fileUnreadable(
        file: url.relativePath, reason: systemReason(of: error))
    }
  }

  /// The records added since the last reading.
  mutating func readNew() throws -> [Record] {
    found.records = []
    for name in try names() {
      var file =
        files[name]
        ?? RecordsFile(
          path: PathBytes(url.appendingPathComponent(name).path),
          name: "\(url.relativePath)/\(name)")
      // Even a file whose reading was aborted has been read up to this point.
      defer { files[name] = file }
      try file.readNew(into: &found, with: readers)
    }
    defer { found.records = [] }
    return found.records
  }

  /// A sentence for each other program version that wrote some of `records`.
  func versionNotes(of records: [Record]) -> [String] {
    var versions: [String: Int] = [:]
    for record in records.indices where records[record].environment.program != Program.version {
      versions[records[record].environment.program, default: 0] += 1
    }
    return versions.sorted { $0.key < $1.key }.map {
      "\(url.relativePath): \(counted($0.value, "record was", "records were")) made "
        + "by lab \($0.key); this is lab \(Program.version); --fresh measures them again"
    }
  }
}
