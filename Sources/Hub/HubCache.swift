import Files
import Foundation

/// The folder of downloaded repositories, in the layout of Hugging Face's own client, so that both
/// find what the other has downloaded.
///
/// `models--OWNER--NAME/` holds `blobs/HASH`, `snapshots/COMMIT/FILE` as links to them, and
/// `refs/REVISION` with the commit that a branch was at. Source: huggingface_hub 2.4,
/// "Understand caching".
package struct HubCache: Sendable {
  package let root: URL

  package init(_ root: URL) { self.root = root }

  func folder(_ reference: HubReference) -> URL {
    root.appendingPathComponent("models--\(reference.owner)--\(reference.name)")
  }

  func blob(_ reference: HubReference, _ hash: String) -> URL {
    folder(reference).appendingPathComponent("blobs/\(hash)")
  }

  func lock(_ reference: HubReference, _ hash: String) -> URL {
    root.appendingPathComponent(".locks/models--\(reference.owner)--\(reference.name)/\(hash).lock")
  }

  func snapshot(_ reference: HubReference, commit: String) -> URL {
    folder(reference).appendingPathComponent("snapshots/\(commit)")
  }

  /// The commit of a revision at its last download.
  package func commit(of reference: HubReference) -> String? {
    if reference.isCommit { return reference.revision }
    let ref = folder(reference).appendingPathComponent("refs/\(reference.revision)")
    return (try? RegularFile.data(at: ref, maxBytes: 1 << 10)).map {
      String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
  }

  /// A file of a commit, if it is there whole.
  func file(_ reference: HubReference, commit: String, _ name: String) -> URL? {
    let url = snapshot(reference, commit: commit).appendingPathComponent(name)
    return FileManager.default.fileExists(atPath: url.path) ? url : nil
  }

  /// Links a downloaded blob as a file of a commit, atomically.
  func link(_ reference: HubReference, commit: String, _ name: String, to hash: String) throws {
    let url = snapshot(reference, commit: commit).appendingPathComponent(name)
    let folder = url.deletingLastPathComponent()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let steps = 2 + name.split(separator: "/").count - 1
    let target = String(repeating: "../", count: steps) + "blobs/\(hash)"
    let temporary = folder.appendingPathComponent(".\(url.lastPathComponent).\(getpid())")
    unlink(temporary.path)
    guard symlink(target, temporary.path) == 0, rename(temporary.path, url.path) == 0 else {
      throw HubError.cacheUnusable(path: url.path, reason: systemReason())
    }
  }

  private func absence(_ reference: HubReference, commit: String, _ name: String) -> URL {
    folder(reference).appendingPathComponent(".no_exist/\(commit)/\(name)")
  }

  /// Whether the Hub said that a commit has no such file.
  func isAbsent(_ reference: HubReference, commit: String, _ name: String) -> Bool {
    FileManager.default.fileExists(atPath: absence(reference, commit: commit, name).path)
  }

  /// Notes that a commit has no such file; where that fails, the Hub is asked again.
  func noteAbsent(_ reference: HubReference, commit: String, _ name: String) {
    let url = absence(reference, commit: commit, name)
    try? FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? Data().write(to: url)
  }

  /// Notes which commit a branch is at.
  func note(_ reference: HubReference, commit: String) throws {
    guard !reference.isCommit else { return }
    let url = folder(reference).appendingPathComponent("refs/\(reference.revision)")
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(commit.utf8).write(to: url, options: .atomic)
  }

  /// A repository in the cache.
  package struct Entry: Sendable {
    package let reference: HubReference
    package let commit: String
    /// Names with their bytes, sorted.
    package let files: [(name: String, bytes: Int)]
    /// Bytes of a transfer that has not ended.
    package let incompleteBytes: Int
  }

  /// Every model whose branch or tag was fetched, by name.
  package func entries() -> [Entry] {
    let folders = Self.names(root).filter { $0.hasPrefix("models--") }
    return folders.sorted().flatMap { folder -> [Entry] in
      let parts = folder.dropFirst("models--".count).components(separatedBy: "--")
      guard parts.count >= 2 else { return [] }
      let (owner, name) = (parts[0], parts[1...].joined(separator: "--"))
      let place = root.appendingPathComponent(folder)
      let blobs = place.appendingPathComponent("blobs")
      let incomplete = Self.names(blobs).filter { $0.hasSuffix(".incomplete") }
        .reduce(0) { $0 + Self.bytes(blobs.appendingPathComponent($1)) }
      return Self.files(place.appendingPathComponent("refs")).compactMap { revision in
        let reference = HubReference(owner: owner, name: name, revision: revision)
        guard let commit = commit(of: reference) else { return nil }
        let snapshot = snapshot(reference, commit: commit)
        return Entry(
          reference: reference, commit: commit,
          files: Self.files(snapshot).map { ($0, Self.bytes(snapshot.appendingPathComponent($0))) },
          incompleteBytes: incomplete)
      }
    }
  }

  private static func names(_ folder: URL) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
  }

  /// Files below a folder, by their path in it; folders that are links are not entered.
  private static func files(_ folder: URL, _ prefix: String = "") -> [String] {
    names(folder).sorted().filter { !$0.hasPrefix(".") }.flatMap { name -> [String] in
      let url = folder.appendingPathComponent(name)
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
        return []
      }
      guard isFolder.boolValue else { return [prefix + name] }
      let isLink = (try? FileManager.default.destinationOfSymbolicLink(atPath: url.path)) != nil
      return isLink ? [] : files(url, "\(prefix)\(name)/")
    }
  }

  private static func bytes(_ url: URL) -> Int {
    let target = url.resolvingSymlinksInPath()
    let size = try? FileManager.default.attributesOfItem(atPath: target.path)[.size] as? Int
    return size ?? 0
  }
}
