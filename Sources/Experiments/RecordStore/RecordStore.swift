import Files
import Foundation
import Measurement
import Records
import Support
import TokenReduction

/// The records of one results folder: reads the existing ones, and stores new ones.
///
/// It reads every `*.jsonl` of the folder, so files from other machines are joined by copying them
/// in. New records go to files that only this process writes.
package final class RecordStore {
  package let folder: URL
  /// The folder as the user named it.
  package let name: String
  package let claims: Claims
  private let host: String
  private let process: Int32
  private var reader: RecordsFolder
  private var index = RecordIndex()
  private var writers: [String: RecordWriter] = [:]

  /// Opens a folder for reading and writing, and creates it if it does not exist.
  ///
  /// - Throws: `ExperimentsError.folderNotWritable`, `.recordTooNew`, `.fileUnreadable`.
  /// - Parameter writes: Whether to create the folder; otherwise, a missing folder counts as empty.
  package init(
    folder: URL, host: String = MachineFacts.current.host,
    process: Int32 = ProcessInfo.processInfo.processIdentifier, writes: Bool = true
  ) throws {
    self.folder = folder
    self.host = host
    self.process = process
    name = folder.relativePath
    claims = try Claims(
      folder: folder.appendingPathComponent(".claims"), host: host, process: process,
      writes: writes)
    reader = RecordsFolder(url: folder)
    if writes || FileManager.default.fileExists(atPath: folder.path) { try refresh() }
  }

  /// The problems of the files, one sentence each; it is safe to continue.
  package var warnings: [String] { reader.warnings + reader.versionNotes(of: index.records) }

  /// One record per key, and every timing of the baseline.
  package var records: [Record] { index.records }

  /// The result of a key, if it has been measured.
  package func result(_ key: String) -> Record? { index.result(key) }

  /// Reads the records that other processes have added.
  package func refresh() throws {
    for record in try reader.readNew() { index.insert(record) }
  }

  /// Stores a record: once this returns, it survives a crash of the process or a power failure.
  ///
  /// - Throws: `ExperimentsError.recordNotStored`, `.folderNotWritable`.
  package func append(_ measurement: Record.Measurement, environment: Environment) throws {
    let record = Record(
      key: RecordLine.key(of: measurement), measurement: measurement, environment: environment,
      traits: TokenReductionRegistry.method(named: measurement.method.name)?.traits)
    let kind =
      switch measurement {
      case .accuracy, .failedAccuracy: "accuracy"
      case .latency, .failedLatency: "latency"
      }
    let writer = try writers[kind] ?? newWriter(kind)
    try writer.append(try RecordLine.data(record))
    index.insert(record)
  }

  private func newWriter(_ kind: String) throws -> RecordWriter {
    let writer = try RecordWriter(
      folder: folder, folderName: name, kind: kind, host: host, process: process)
    writers[kind] = writer
    return writer
  }

  /// Moves all records of a folder into `earlier/<moment>` inside it, so that everything is
  /// measured again.
  ///
  /// - Throws: `ExperimentsError.folderInUse` while any process measures there,
  ///   `.folderNotWritable`.
  package static func setAside(_ folder: URL, moment: String) throws {
    let manager = FileManager.default
    let files = RecordsFolder(url: folder)
    guard manager.fileExists(atPath: folder.path), case let names = try files.names(),
      !names.isEmpty
    else { return }
    let claims = try Claims(folder: folder.appendingPathComponent(".claims"), host: "", process: 0)
    guard !claims.anyHeld else {
      throw ExperimentsError.folderInUse(folder: folder.relativePath)
    }
    let earlier = folder.appendingPathComponent("earlier").appendingPathComponent(moment)
    do {
      try manager.createDirectory(at: earlier, withIntermediateDirectories: true)
      for name in names {
        try manager.moveItem(
          at: folder.appendingPathComponent(name), to: earlier.appendingPathComponent(name))
      }
    } catch {
      throw ExperimentsError.folderNotWritable(
        folder: folder.relativePath, reason: systemReason(of: error))
    }
  }
}
