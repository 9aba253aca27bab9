import Datasets
import Foundation
import Testing

@testable import Experiments

@Suite struct ContentFingerprintTests {
  private let folder: TemporaryFolder
  private var root: String { folder.url.path + "/images" }
  private var cache: URL { folder.url.appendingPathComponent("cache") }

  init() throws { folder = try TemporaryFolder() }

  /// Files of equal size that differ in one byte, last changed an hour ago.
  private func write(_ contents: [String: String]) throws {
    for (name, text) in contents {
      let place = URL(fileURLWithPath: root + "/" + name)
      try FileManager.default.createDirectory(
        at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: place)
      try setTime(name)
    }
  }

  private func setTime(_ name: String) throws {
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSinceNow: -3600)], ofItemAtPath: root + "/" + name)
  }

  private func fingerprint(_ folder: String? = nil) throws -> String {
    try ContentFingerprint(cacheFolder: cache) { _ in }
      .text(of: try ClassFolderDataset(folder: folder ?? root).content)
  }

  @Test func `swapped contents of files with equal size and time change the fingerprint`() throws {
    try write(["a/1.png": "x", "b/1.png": "y"])
    let first = try fingerprint()
    #expect(try fingerprint() == first)
    try write(["a/1.png": "y", "b/1.png": "x"])
    let second = try fingerprint()
    #expect(second != first)
    try write(["a/1.png": "x", "b/1.png": "y"])
    #expect(try fingerprint() == first)
  }

  @Test func `swapped file names change the fingerprint`() throws {
    try write(["a/1.png": "x", "b/1.png": "y"])
    usleep(2_200_000)
    let first = try fingerprint()
    for (from, to) in [("a/1.png", "t.png"), ("b/1.png", "a/1.png"), ("t.png", "b/1.png")] {
      #expect(rename(root + "/" + from, root + "/" + to) == 0)
    }
    #expect(try fingerprint() != first)
  }

  @Test func `a copy in another place with other times has the same fingerprint`() throws {
    try write(["a/1.png": "x", "b/1.png": "y"])
    let copy = folder.url.path + "/copy/images"
    try FileManager.default.createDirectory(
      atPath: folder.url.path + "/copy", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: root, toPath: copy)
    try FileManager.default.setAttributes(
      [.modificationDate: Date()], ofItemAtPath: copy + "/a/1.png")
    #expect(try fingerprint(copy) == (try fingerprint()))
  }

  @Test func `names, labels and unreadable files change the fingerprint`() throws {
    try write(["a/1.png": "x", "b/1.png": "y"])
    let first = try fingerprint()
    let data = try ClassFolderDataset(folder: root, classes: .order(["b", "a"]))
    let print = ContentFingerprint(cacheFolder: nil) { _ in }
    #expect(try print.text(of: data.content) != first)
    #expect(rename(root + "/a/1.png", root + "/a/2.png") == 0)
    #expect(try fingerprint() != first)
    #expect(unlink(root + "/a/2.png") == 0)
    #expect(mkfifo(root + "/a/1.png", 0o600) == 0)
    #expect(try fingerprint() != first)
  }

  @Test func `only the images of a subset count`() throws {
    try write(["a/1.png": "x", "a/2.png": "y", "a/3.png": "z"])
    let print = ContentFingerprint(cacheFolder: nil) { _ in }
    func text() throws -> String {
      let subset = SubsetDataset(try ClassFolderDataset(folder: root), limit: 1, seed: 0)
      return try print.text(of: subset.content)
    }
    let chosen = SubsetDataset(try ClassFolderDataset(folder: root), limit: 1, seed: 0).indices[0]
    let first = try text()
    try write(["a/\((chosen + 1) % 3 + 1).png": "q"])
    #expect(try text() == first)
    try write(["a/\(chosen + 1).png": "q"])
    #expect(try text() != first)
  }

  @Test func `a hash is cached, and a damaged cache is ignored`() throws {
    try write(["a/1.png": "x"])
    // Changes within the last two seconds are not cached.
    _ = try fingerprint()
    #expect(!FileManager.default.fileExists(atPath: cache.path))
    usleep(2_200_000)
    let first = try fingerprint()
    let file = try #require(
      try FileManager.default.contentsOfDirectory(at: cache, includingPropertiesForKeys: nil).first)
    let kept = try Data(contentsOf: file)
    #expect(kept.count == 40 + 80)
    // The digest of another content, with the old checksum.
    var damaged = kept
    damaged[kept.count - 1] ^= 1
    try damaged.write(to: file)
    #expect(try fingerprint() == first)
    try Data("short".utf8).write(to: file)
    #expect(try fingerprint() == first)
  }
}
