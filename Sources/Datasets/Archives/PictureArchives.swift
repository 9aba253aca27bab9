import Files
import Foundation

/// The images of one or more tar archives, read in place: plain archives and WebDataset shards.
struct PictureArchives {
  /// The archive, or the folder of several.
  let root: PathBytes
  let archives: [PathBytes]
  /// Names in the archives, in the order of the archives.
  private(set) var names: [PathBytes] = []
  private(set) var members: [ArchiveMember] = []
  /// Pictures of formats that cannot be read, by suffix.
  private(set) var otherFormats: [PathBytes: Int] = [:]
  /// `.cls` and `.json` files by the sample that they belong to.
  private var sidecars: [Sample: ArchiveMember] = [:]

  /// A WebDataset sample: files of one archive whose names differ only after the first dot.
  private struct Sample: Hashable {
    let archive: PathBytes
    let key: PathBytes

    init(_ name: PathBytes, in archive: PathBytes) {
      self.archive = archive
      let file = name.name.bytes
      let stem = file.prefix { $0 != UInt8(ascii: ".") }
      key = PathBytes(bytes: name.bytes.dropLast(file.count - stem.count))
    }
  }

  /// The archives of `path`: the file itself, those of `shard-{000..063}.tar`, or those of a folder
  /// that contains nothing else to read; `nil` for a folder of images.
  ///
  /// - Parameter preferred: The one that is meant where a folder has several.
  /// - Throws: `DatasetError.parquet`, or `.archive` for a pattern that names nothing.
  static func find(
    _ path: PathBytes, preferring preferred: PathBytes? = nil
  ) throws(DatasetError) -> (root: PathBytes, archives: [PathBytes])? {
    if let shards = ShardPattern(path) { return (path, shards.paths) }
    guard let status = FileStatus(of: path) else { return nil }
    guard status.kind == .folder else {
      if path.suffix == "parquet" { throw .parquet(path: "\(path)") }
      return (path, [path])
    }
    let listing = try FolderListing(path)
    guard listing.folders.isEmpty, listing.pictures.isEmpty else { return nil }
    let archives = listing.files.filter { $0.suffix == "tar" }
    if archives.isEmpty, listing.files.contains(where: { $0.suffix == "parquet" }) {
      throw .parquet(path: "\(path)")
    }
    guard !archives.isEmpty else { return nil }
    if let preferred, archives.contains(preferred) { return (path / preferred, [path / preferred]) }
    return (path, archives.map { path / $0 })
  }

  /// Lists the archives.
  ///
  /// - Throws: `DatasetError.archive`, or `.noImages`.
  init(root: PathBytes, archives: [PathBytes], cacheFolder: String?) throws(DatasetError) {
    self.root = root
    self.archives = archives
    for archive in archives {
      for entry in try ArchiveIndex.entries(of: archive, cacheFolder: cacheFolder) {
        add(entry, of: archive)
      }
    }
    guard !names.isEmpty else { throw .noImages(path: "\(root)", others: others) }
  }

  private mutating func add(_ entry: TarEntry, of archive: PathBytes) {
    guard !entry.name.name.isHidden else { return }
    let member = ArchiveMember(archive: archive, offset: entry.offset, size: entry.size)
    if FolderListing.isPictureName(entry.name) {
      names.append(entry.name)
      members.append(member)
    } else if FolderListing.isOtherPictureName(entry.name) {
      otherFormats[entry.name.suffix, default: 0] += 1
    } else if entry.name.suffix == "cls" || entry.name.suffix == "json" {
      // A class given as a number is preferred to what a caption file may hold.
      let sample = Sample(entry.name, in: archive)
      if sidecars[sample] == nil || entry.name.suffix == "cls" { sidecars[sample] = member }
    }
  }

  /// What was left out, such as "3 files of other formats left out: …".
  var others: String? {
    var leftOut = PictureSearch.LeftOut()
    leftOut.otherFormats = otherFormats
    return leftOut.phrases.first
  }

  // MARK: Labels

  /// The label next to each image, as in WebDataset shards; `nil` if no image has one.
  ///
  /// - Parameter labelOfName: The label of a class that is given by name.
  /// - Throws: `DatasetError.archive` where a picture has none, or one that is no class.
  func labelsFromSidecars(
    _ labelOfName: (String) -> Int?
  ) throws(DatasetError) -> [Int]? {
    guard !sidecars.isEmpty else { return nil }
    var labels: [Int] = []
    labels.reserveCapacity(names.count)
    for (name, member) in zip(names, members) {
      guard let sidecar = sidecars[Sample(name, in: member.archive)] else {
        throw .archive(
          path: "\(member.archive)",
          reason: "has no .cls or .json next to '\(name)', which other pictures have")
      }
      guard let label = try Self.label(in: sidecar, labelOfName) else {
        throw .archive(
          path: "\(member.archive)",
          reason: "gives '\(name)' no class: its .cls must be a number from 0, or its .json have "
            + "one as \"label\" or \"cls\"")
      }
      labels.append(label)
    }
    return labels
  }

  private static let maxSidecarBytes = 1 << 20

  private static func label(
    in sidecar: ArchiveMember, _ labelOfName: (String) -> Int?
  ) throws(DatasetError) -> Int? {
    guard sidecar.size <= maxSidecarBytes else { return nil }
    let bytes: [UInt8]
    do {
      bytes = try RegularFile(sidecar.archive).bytes(from: sidecar.offset, count: sidecar.size)
    } catch { throw .archive(path: "\(sidecar.archive)", reason: error.reason) }
    let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(
      in: .whitespacesAndNewlines)
    func label(_ value: String) -> Int? {
      Int(value).flatMap { (0..<1_000_000).contains($0) ? $0 : nil } ?? labelOfName(value)
    }
    if let found = label(text) { return found }
    guard let object = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
      let value = object["label"] ?? object["cls"]
    else { return nil }
    return label("\(value)")
  }

  /// The folder in the archive that tells the classes apart: the first part of the paths, of those
  /// before the file's name, that is not the same for all.
  var classFolders: [PathBytes]? {
    let folders = names.map { $0.bytes.split(separator: UInt8(ascii: "/")).dropLast() }
    guard let first = folders.first, let shortest = folders.map(\.count).min() else { return nil }
    guard
      let place = (0..<shortest).first(where: { place in
        folders.contains { $0[place] != first[place] }
      })
    else { return nil }
    return folders.map { PathBytes(bytes: $0[place]) }
  }
}

/// `shard-{000000..000063}.tar`, as WebDataset writes the names of shards.
package struct ShardPattern {
  package let paths: [PathBytes]

  private static let maxShards = 100_000

  /// `nil` for a path without braces.
  package init?(_ path: PathBytes) {
    guard let text = path.text,
      let match = text.firstMatch(of: /^(.*)\{(\d+)\.\.(\d+)\}([^{}]*)$/),
      let first = Int(match.2), let last = Int(match.3), first <= last,
      last - first < Self.maxShards
    else { return nil }
    let width = match.2.count
    paths = (first...last).map { number in
      let digits = String(number)
      let zeros = String(repeating: "0", count: max(0, width - digits.count))
      return PathBytes(match.1 + zeros + digits + match.4)
    }
  }
}
