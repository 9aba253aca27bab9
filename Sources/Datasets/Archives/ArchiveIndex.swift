import Files
import Foundation

/// The content of an archive, listed once: the list is cached, and created again when the archive
/// changes.
///
/// A list is valid as long as the archive's device, inode, size and timestamps are unchanged. A
/// list that is damaged or cannot be written only costs time.
enum ArchiveIndex {
  private static let mark = "lab archive index 2"
  private static let maxBytes = 1 << 30

  /// The regular files of a tar archive.
  ///
  /// - Parameter cacheFolder: Where lists are kept; `nil` keeps none.
  /// - Throws: `DatasetError.archive`.
  static func entries(
    of archive: PathBytes, cacheFolder: String?
  ) throws(DatasetError) -> [TarEntry] {
    guard let cacheFolder, let status = FileStatus(of: archive), status.kind == .file else {
      return try TarReader.entries(of: archive)
    }
    let identity = status.identity
    let path = URL(filePath: cacheFolder)
      .appendingPathComponent("\(identity.device)-\(identity.inode).archive")
    let head = "\(mark) \(status.size) \(status.modified) \(status.changed)"
    if let kept = read(path, head) { return kept }
    let entries = try TarReader.entries(of: archive)
    // An archive that is still being written is listed again next time.
    if FileStatus(of: archive) == status { write(entries, head, to: path) }
    return entries
  }

  /// One line per entry, `OFFSET SIZE NAME`, between the head and a count of the lines.
  private static func write(_ entries: [TarEntry], _ head: String, to path: URL) {
    // A name with a line break has no line.
    guard !entries.contains(where: { $0.name.bytes.contains(10) }) else { return }
    var text = Array((head + "\n").utf8)
    for entry in entries {
      text += Array("\(entry.offset) \(entry.size) ".utf8) + entry.name.bytes + [10]
    }
    text += Array("\(entries.count) entries\n".utf8)
    try? FileManager.default.createDirectory(
      at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? WholeFile.write(Data(text), to: path)
  }

  private static func read(_ path: URL, _ head: String) -> [TarEntry]? {
    guard
      let bytes = try? RegularFile.contents(of: PathBytes(path.path), maxBytes: maxBytes)
    else { return nil }
    let lines = bytes.split(separator: 10)
    guard lines.count >= 2, lines[0].elementsEqual(head.utf8),
      lines[lines.count - 1].elementsEqual("\(lines.count - 2) entries".utf8)
    else { return nil }
    var entries: [TarEntry] = []
    entries.reserveCapacity(lines.count - 2)
    for line in lines.dropFirst().dropLast() {
      let fields = line.split(separator: 32, maxSplits: 2)
      guard fields.count == 3, let offset = Int(String(decoding: fields[0], as: UTF8.self)),
        let size = Int(String(decoding: fields[1], as: UTF8.self)), offset >= 0, size >= 0
      else { return nil }
      entries.append(TarEntry(name: PathBytes(bytes: fields[2]), offset: offset, size: size))
    }
    return entries
  }
}
