import Datasets
import Foundation
import Testing
import _TestSupport

@testable import Experiments

@Suite struct DatasetSentenceTests {
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

  @Test func `a bare path is corrected`() {
    #expect(
      mistakes(#""/data/x""#)
        == #"micro.json: dataset: a path alone does not say what is there; write {"imagenet": "/data/x"} "#
        + #"for the folder of ImageNet's validation images, or {"folder": "/data/x"} for a folder "#
        + "with one folder of images for each class")
    let home = FileManager.default.homeDirectoryForCurrentUser.path
    #expect(
      mistakes(#""~/pictures""#)
        == #"micro.json: dataset: a path alone does not say what is there; write {"imagenet": "\#(home)/pictures"} "#
        + #"for the folder of ImageNet's validation images, or {"folder": "\#(home)/pictures"} for a "#
        + "folder with one folder of images for each class")
    #expect(
      mistakes(#""folder:pets""#)
        == #"micro.json: dataset: the form KEY:PATH is that of an option; write {"folder": "pets"}"#
    )
  }

  @Test func `shell syntax is corrected`() {
    let home = FileManager.default.homeDirectoryForCurrentUser.path
    #expect(
      mistakes(#"{"folder": "~/no-pictures-here"}"#)
        == #"micro.json: dataset.folder: only a shell knows what ~ is; write "\#(home)/no-pictures-here""#
    )
  }

  @Test func `an option is named only once`() throws {
    let folder = try TemporaryFolder()
    let empty =
      "\(folder.url.path): holds no pictures (PNG, JPEG, WebP, BMP, GIF, TIFF); a data set is one "
      + "folder of pictures per class"
    #expect(
      mistakes(#"{"folder": "\#(folder.url.path)"}"#, option: true) == "--dataset: \(empty)")
    #expect(
      mistakes(#"{"folder": "/no/such"}"#, option: true)
        == #"--dataset.folder: "/no/such" does not exist; it is looked for in the folder of "#
        + "the spec and in the current one")
    #expect(
      mistakes(#"[{"folder": "\#(folder.url.path)"}]"#, option: true) == "--dataset[0]: \(empty)")
    #expect(
      mistakes(#""/data/x""#, option: true)
        == #"--dataset: a path alone does not say what is there; write {"imagenet": "/data/x"} for "#
        + #"the folder of ImageNet's validation images, or {"folder": "/data/x"} for a folder with "#
        + "one folder of images for each class")
  }

  @Test func `one image and one class are counted in the singular`() throws {
    let folder = try TemporaryFolder()
    let place = folder.url.appendingPathComponent("cat")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: Fixtures.url("formats/rgb8.png"), to: place.appendingPathComponent("1.png"))
    #expect(
      mistakes(#"{"folder": "\#(folder.url.path)"}"#)
        == "micro.json: dataset: \(folder.url.lastPathComponent) has 1 class and custom has 10; "
        + "name the data set that it was trained on, or give each folder's class with "
        + #""classes": {"FOLDER": NUMBER, …}; weights that were trained on these classes need "#
        + #""architecture": {"num_classes": 1}"#)
  }

  @Test func `a class order together with a class list is refused`() {
    #expect(
      mistakes(#"{"folder": "/tmp", "classes": ["a"], "class_order": "natural"}"#)
        == "micro.json: dataset.class_order: \"classes\" gives the order already; write one of the "
        + "two")
  }

  @Test func `ImageNet folders given as class folders are corrected`() throws {
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

  @Test func `errors in a manifest or label file name its key`() throws {
    let folder = try TemporaryFolder()
    let pictures = folder.url.appendingPathComponent("pictures")
    for name in ["a", "b"] {
      let place = pictures.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      // Data after a PNG's end changes the bytes but not the pixels.
      let bytes = try Data(contentsOf: Fixtures.url("formats/rgb8.png")) + Data(name.utf8)
      try bytes.write(to: place.appendingPathComponent("1.png"))
    }
    let manifest = folder.url.appendingPathComponent("m.json")
    let dataset = #"{"folder": "\#(pictures.path)", "manifest": "\#(manifest.path)"}"#
    func store(_ manifest: DatasetManifest, _ change: (String) -> String) throws {
      let text = String(decoding: try manifest.json, as: UTF8.self)
      try Data(change(text).utf8).write(to: folder.url.appendingPathComponent("m.json"))
    }
    func said(_ sentence: String) -> String {
      "micro.json: dataset.manifest: \(manifest.path): \(sentence); make it anew with "
        + "`lab dataset check"
    }

    try Data("{}".utf8).write(to: manifest)
    #expect(mistakes(dataset) == said("is no manifest of a data set") + "`")
    let made = try DatasetChecker(cacheFolder: nil) { _ in }.check(
      try ClassFolderDataset(folder: pictures.path))
    try store(made) { $0.replacing(#""version" : 1"#, with: #""version" : 9"#) }
    #expect(mistakes(dataset) == said("is of version 9, not 1") + "`")
    let hash = made.pictures[0].sha256
    for wrong in ["", "0", "zz", "é"] {
      try store(made) { $0.replacing(hash, with: wrong) }
      #expect(
        mistakes(dataset)
          == said("gives 'a/1.png' a hash that is not hexadecimal") + " \(pictures.path)`")
    }
    // Two images of equal size are swapped by renaming.
    try store(made) { $0 }
    for (from, to) in [("a/1.png", "c"), ("b/1.png", "a/1.png"), ("c", "b/1.png")] {
      try FileManager.default.moveItem(
        at: pictures.appendingPathComponent(from), to: pictures.appendingPathComponent(to))
    }
    #expect(
      mistakes(dataset)
        == said("lists 'a/1.png' with other bytes than it has") + " \(pictures.path)`")
  }
}
