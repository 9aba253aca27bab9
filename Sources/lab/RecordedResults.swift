import Experiments
import Foundation
import Records
import Reporting

/// The records of a results folder that the user names.
struct RecordedResults {
  let folder: URL
  let records: [Record]
  /// The rows that the last run requested; `nil` if none are stored.
  let rows: [PlannedRow]?

  var name: String { folder.lastPathComponent }

  /// Reads a folder by its path or by its name in `Results`, and warns about problems in it.
  ///
  /// - Throws: `ExperimentsError` for a folder without records and without recorded operations.
  init(_ text: String) throws {
    folder = try Self.folder(text)
    let (records, warnings) = try RecordsFolder.read(folder)
    Console.warn(all: warnings)
    guard !records.isEmpty || !OperationsFile.read(folder).isEmpty else {
      throw ExperimentsError.impossible(
        subject: folder.relativePath, message: "holds no record; `lab run` makes them")
    }
    self.records = records
    rows = RowsFile.read(folder)
  }

  /// The report of these records.
  func report(all: Bool = false) -> Report {
    Report(
      records: records, name: name, rows: all ? nil : rows.map { $0.map(\.key) },
      published: PublishedNumbers.stored(in: folder),
      command: CommandFile.read(folder).map(Session.command), in: folder)
  }

  private static func folder(_ text: String) throws -> URL {
    for path in [text, "Results/\(text)"] {
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
        return URL(fileURLWithPath: path, isDirectory: true)
      }
    }
    let known = subfolders("Results")
    guard !known.isEmpty else {
      throw ExperimentsError.impossible(
        subject: text, message: "is no results folder, and Results holds none; `lab run` makes them"
      )
    }
    throw ExperimentsError.impossible(
      subject: text,
      message: "is no results folder; "
        + NearestName.advice(text, among: known, noun: "folders in Results"))
  }

  private static func subfolders(_ path: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { name in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
        && isFolder.boolValue && !name.hasPrefix(".")
    }.sorted()
  }
}
