import Datasets
import Foundation
import ImageCoding
import Testing
import _TestSupport

@testable import Experiments

private func add(_ fixture: String, to folder: TemporaryFolder, as name: String) throws {
  let target = folder.url.appendingPathComponent(name)
  try FileManager.default.createDirectory(
    at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
  try Data(contentsOf: Fixtures.url("formats/" + fixture)).write(to: target)
}

private func check(_ dataset: any ImageDataset) throws -> DatasetManifest {
  try DatasetChecker(cacheFolder: nil) { _ in }.check(dataset)
}

@Suite struct `Data set checks` {
  @Test func `unusual and unreadable images are named`() throws {
    let folder = try TemporaryFolder()
    try add("ycc420.jpg", to: folder, as: "a/color.jpg")
    try add("grey.jpg", to: folder, as: "a/gray.jpg")
    try add("cmyk.jpg", to: folder, as: "a/cmyk.jpg")
    try add("rgb8.png", to: folder, as: "a/png.jpg")
    try add("ycc420.jpg", to: folder, as: "b/again.jpg")
    let whole = try Data(contentsOf: Fixtures.url("formats/ycc420.jpg"))
    try whole.prefix(whole.count / 2).write(to: folder.url.appendingPathComponent("b/cut.jpg"))
    let manifest = try check(try ClassFolderDataset(folder: folder.url.path))
    #expect(manifest.pictures.count == 6)
    #expect(manifest.odd.namedOtherwise == ["a/png.jpg (PNG)"])
    #expect(manifest.odd.cmyk == ["a/cmyk.jpg"])
    #expect(manifest.odd.gray == ["a/gray.jpg"])
    #expect(manifest.odd.repeated == ["b/again.jpg"])
    #expect(manifest.unreadable.map(\.path) == ["b/cut.jpg"])
    #expect(manifest.validationSet == nil)
  }

  @Test func `orientation and components match the file`() throws {
    // Two bytes of padding, Exif, a directory with one entry: orientation 6.
    let entry: [UInt8] = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]
    let exif = Array("Exif".utf8) + [0, 0] + Array("MM".utf8) + [0, 42, 0, 0, 0, 8, 0, 1] + entry
    let jpeg = Array(try Data(contentsOf: Fixtures.url("formats/ycc420.jpg")))
    let length = exif.count + 2
    let turned =
      jpeg[..<2] + [0xFF, 0xE1, UInt8(length >> 8), UInt8(length & 255)] + exif + jpeg[2...]
    let facts = try #require(PictureFacts(Array(turned)))
    #expect(facts.orientation == 6)
    #expect(facts.components == 3)
    #expect(PictureFacts(jpeg)?.orientation == nil)
    for count in 0..<turned.count where count % 5 == 0 {
      _ = PictureFacts(Array(turned.prefix(count)))
    }
  }

  @Test func `a manifest is valid until an image changes`() throws {
    let folder = try TemporaryFolder()
    for name in ["a/1.jpg", "b/1.jpg"] { try add("ycc420.jpg", to: folder, as: name) }
    try add("rgb8.png", to: folder, as: "b/2.png")
    let dataset = try ClassFolderDataset(folder: folder.url.path)
    let manifest = try check(dataset)
    let fingerprint = ContentFingerprint(cacheFolder: nil) { _ in }
    #expect(try fingerprint.text(of: dataset.content) == manifest.fingerprint)
    let path = folder.url.appendingPathComponent("manifest.json").path
    try manifest.json.write(to: URL(filePath: path))
    #expect(try DatasetManifest.read(path) == manifest)
    guard case .files(let root, let pictures) = dataset.content else {
      Issue.record("the pictures are files")
      return
    }
    let digests = try manifest.digests(of: pictures, below: root, manifest: "m.json")
    #expect(ContentFingerprint.text(pictures, digests: digests) == manifest.fingerprint)
    try add("cmyk.jpg", to: folder, as: "a/1.jpg")
    let size = try Data(contentsOf: folder.url.appendingPathComponent("a/1.jpg")).count
    let error = #expect(throws: ExperimentsError.self) {
      try manifest.digests(of: pictures, below: root, manifest: "m.json")
    }
    #expect(
      error?.description
        == "m.json: lists 'a/1.jpg' with \(manifest.pictures[0].bytes) bytes, and it has \(size); "
        + "make it anew with `lab dataset check \(folder.url.path)`")
  }

  @Test func `the validation set is recognized by counts and sizes`() {
    func pictures(_ count: Int, bytes: Int) -> [DatasetManifest.Picture] {
      (0..<count).map {
        DatasetManifest.Picture(path: "\($0)", label: $0 % 1000, bytes: bytes, sha256: "00")
      }
    }
    let part = ValidationSetRules.judge(pictures(2000, bytes: 10), unreadable: 1)
    #expect(
      part.reasons == [
        "it has 2000 pictures, not 50000", "class 0 has 2 pictures, not 50",
        "1 picture cannot be decoded",
      ])
    #expect(!part.isWhole)
    #expect(ValidationSetRules.archiveSize([1, 512, 513]) == 10_240)
    #expect(!ValidationSetRules.judge(pictures(50_000, bytes: 10), unreadable: 0).isWhole)
  }
}
