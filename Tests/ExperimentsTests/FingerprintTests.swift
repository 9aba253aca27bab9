import Datasets
import Foundation
import Records
import Synchronization
import Testing
import _TestSupport

@testable import Experiments

@Suite struct `Fingerprints of pictures` {
  private let folder: TemporaryFolder
  private var root: String { folder.url.path + "/images" }
  private var cache: URL { folder.url.appendingPathComponent("cache") }

  init() throws { folder = try TemporaryFolder() }

  /// Files of equal size, told apart by one byte each, last changed an hour ago.
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

  @Test func `contents exchanged among files of one size and time are another set`() throws {
    try write(["a/1.png": "x", "b/1.png": "y"])
    let first = try fingerprint()
    #expect(try fingerprint() == first)
    try write(["a/1.png": "y", "b/1.png": "x"])
    let second = try fingerprint()
    #expect(second != first)
    try write(["a/1.png": "x", "b/1.png": "y"])
    #expect(try fingerprint() == first)
  }

  @Test func `files that are renamed into each other's place are seen`() throws {
    try write(["a/1.png": "x", "b/1.png": "y"])
    usleep(2_200_000)
    let first = try fingerprint()
    for (from, to) in [("a/1.png", "t.png"), ("b/1.png", "a/1.png"), ("t.png", "b/1.png")] {
      #expect(rename(root + "/" + from, root + "/" + to) == 0)
    }
    #expect(try fingerprint() != first)
  }

  @Test func `a copy at another place and time is the same set`() throws {
    try write(["a/1.png": "x", "b/1.png": "y"])
    let copy = folder.url.path + "/copy/images"
    try FileManager.default.createDirectory(
      atPath: folder.url.path + "/copy", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: root, toPath: copy)
    try FileManager.default.setAttributes(
      [.modificationDate: Date()], ofItemAtPath: copy + "/a/1.png")
    #expect(try fingerprint(copy) == (try fingerprint()))
  }

  @Test func `names, labels and what cannot be read tell sets apart`() throws {
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

  @Test func `only the pictures of a subset count`() throws {
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

  @Test func `a hash is kept, and a damaged cache is not believed`() throws {
    try write(["a/1.png": "x"])
    // A change of the last two seconds is not kept.
    _ = try fingerprint()
    #expect(!FileManager.default.fileExists(atPath: cache.path))
    usleep(2_200_000)
    let first = try fingerprint()
    let file = try #require(
      try FileManager.default.contentsOfDirectory(at: cache, includingPropertiesForKeys: nil).first)
    let kept = try Data(contentsOf: file)
    #expect(kept.count == 40 + 72)
    // The digest of another content, with the checksum of before.
    var damaged = kept
    damaged[kept.count - 1] ^= 1
    try damaged.write(to: file)
    #expect(try fingerprint() == first)
    try Data("short".utf8).write(to: file)
    #expect(try fingerprint() == first)
  }
}

@Suite struct `Records and their pictures` {
  /// Pictures of one byte size, one per class, whose contents the labels depend on.
  private func write(_ order: [Int], in folder: TemporaryFolder) throws -> String {
    let root = folder.url.appendingPathComponent("images")
    let original = Array(try Data(contentsOf: Fixtures.url("formats/rgb8.png")))
    for (place, content) in order.enumerated() {
      let file = root.appendingPathComponent("class\(place)/1.png")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      // What follows a PNG's end changes the bytes alone, and the first of them stay the same size.
      try Data(original + [UInt8(content)]).write(to: file)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: file.path)
    }
    return root.path
  }

  private func spec(_ dataset: String) -> String {
    MicroRun.spec(
      #""latency": false, "dataset": {"folder": "\#(dataset)"}, "methods": [{"method": "none"}]"#
    ).replacing(#""latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1},"#, with: "")
  }

  @Test func `pictures that were exchanged are measured anew`() throws {
    let folder = try TemporaryFolder()
    let first = try MicroRun(spec(try write(Array(0..<10), in: folder)), in: folder)
    #expect(try first.runner.run().measured == 1)
    let same = try MicroRun(spec(try write(Array(0..<10), in: folder)), in: folder)
    #expect(try same.runner.openTrials(same.runner.plan()).isEmpty)
    let other = try MicroRun(spec(try write((0..<10).reversed(), in: folder)), in: folder)
    #expect(try other.runner.openTrials(other.runner.plan()).count == 1)
  }

  @Test func `a data set of which nothing can be read is a failure each time`() throws {
    let folder = try TemporaryFolder()
    let root = folder.url.appendingPathComponent("images")
    for place in 0..<10 {
      let file = root.appendingPathComponent("class\(place)/1.png")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("broken".utf8).write(to: file)
    }
    let text = spec(root.path).replacing(
      #""latency": false"#, with: #""latency": false, "on_bad_image": "skip""#)
    for _ in 0..<2 {
      let failures = try MicroRun(text, in: folder).runner.run().failures
      #expect(
        failures == [
          RunFailure(
            label: "accuracy on images",
            message: "none of the 10 pictures could be read; the first: \(root.path)/class0/1.png "
              + "is none of PNG, JPEG, WebP, BMP, GIF, TIFF (it begins with 62 72 6F 6B)")
        ])
    }
  }
}

@Suite struct `Sentences about data` {
  private func mistakes(_ dataset: String, option: Bool = false) -> String? {
    do {
      let value = try SpecSource.value(text: dataset, origin: "--dataset")
      let text = MicroRun.spec(#""dataset": \#(dataset), "methods": [{"method": "none"}]"#)
      let overrides =
        option ? [SpecSource.Override(key: "dataset", value: value, option: "--dataset")] : []
      let source = try SpecSource(text: text, file: "micro.json", overrides: overrides)
      _ = try Planner(try SpecReader.readWithFiles(source), site: MicroRun.site)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func `a path alone is mended`() {
    #expect(
      mistakes(#""/data/x""#)
        == #"micro.json: dataset: a path alone does not say what is there; write {"imagenet": "/data/x"} "#
        + #"for the folder of ImageNet's validation images, or {"folder": "/data/x"} for a folder "#
        + "with one folder of images for each class")
  }

  @Test func `what only a shell knows is mended`() {
    let home = FileManager.default.homeDirectoryForCurrentUser.path
    #expect(
      mistakes(#"{"folder": "~/no-pictures-here"}"#)
        == #"micro.json: dataset.folder: only a shell knows what ~ is; write "\#(home)/no-pictures-here""#
    )
  }

  @Test func `an option is named once`() throws {
    let folder = try TemporaryFolder()
    #expect(
      mistakes(#"{"folder": "\#(folder.url.path)"}"#, option: true)?.hasPrefix(
        "--dataset: \(folder.url.path) holds no pictures") == true)
    #expect(
      mistakes(#"{"folder": "/no/such"}"#, option: true)?.hasPrefix("--dataset.folder: ") == true)
    #expect(
      mistakes(#"[{"folder": "\#(folder.url.path)"}]"#, option: true)?.hasPrefix(
        "--dataset[0]: ") == true)
  }

  @Test func `an order of classes beside the classes is refused`() {
    #expect(
      mistakes(#"{"folder": "/tmp", "classes": ["a"], "class_order": "natural"}"#)?.hasPrefix(
        "micro.json: dataset.class_order: \"classes\" gives the order already") == true)
  }

  @Test func `ImageNet's folders given as any folders are mended`() throws {
    let folder = try TemporaryFolder()
    for id in ["n01440764", "n01443537"] {
      let place = folder.url.appendingPathComponent(id)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        at: Fixtures.url("formats/rgb8.png"), to: place.appendingPathComponent("1.png"))
    }
    let path = folder.url.path
    let weights = Fixtures.url("goldens/weights/vit_micro.safetensors").path
    let text = """
      {"name": "micro", "model": {"name": "vit_tiny_patch16_224", "weights": "\(weights)"},
      "dataset": {"folder": "\(path)"}, "threads": 1, "methods": [{"method": "none"}]}
      """
    let error = #expect(throws: ExperimentsError.self) {
      try Planner(
        try SpecReader.read(try SpecSource(text: text, file: "micro.json")), site: MicroRun.site)
    }
    #expect(
      error?.description
        == "micro.json: dataset: the folders are 2 of ImageNet's 1000 classes, whose labels only "
        + "the data set \"imagenet\" knows; write \"dataset\": {\"imagenet\": \"\(path)\"}")
  }
}
