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

  @Test func `a path alone is corrected`() {
    #expect(
      mistakes(#""/data/x""#)
        == #"micro.json: dataset: a path alone does not say what is there; write {"imagenet": "/data/x"} "#
        + #"for the folder of ImageNet's validation images, or {"folder": "/data/x"} for a folder "#
        + "with one folder of images for each class")
  }

  @Test func `what only a shell knows is corrected`() {
    let home = FileManager.default.homeDirectoryForCurrentUser.path
    #expect(
      mistakes(#"{"folder": "~/no-pictures-here"}"#)
        == #"micro.json: dataset.folder: only a shell knows what ~ is; write "\#(home)/no-pictures-here""#
    )
  }

  @Test func `an option is named once`() throws {
    let folder = try TemporaryFolder()
    let empty =
      "\(folder.url.path): holds no pictures (PNG, JPEG, WebP, BMP, GIF, TIFF); a data set is one "
      + "folder of pictures per class"
    #expect(
      mistakes(#"{"folder": "\#(folder.url.path)"}"#, option: true) == "--dataset: \(empty)")
    #expect(
      mistakes(#"{"folder": "/no/such"}"#, option: true)
        == #"--dataset.folder: "/no/such" does not exist; it is looked for beside the spec and in the "#
        + "current folder")
    #expect(
      mistakes(#"[{"folder": "\#(folder.url.path)"}]"#, option: true) == "--dataset[0]: \(empty)")
    #expect(
      mistakes(#""/data/x""#, option: true)
        == #"--dataset: a path alone does not say what is there; write {"imagenet": "/data/x"} for "#
        + #"the folder of ImageNet's validation images, or {"folder": "/data/x"} for a folder with "#
        + "one folder of images for each class")
  }

  @Test func `one picture and one class are counted as one`() throws {
    let folder = try TemporaryFolder()
    let place = folder.url.appendingPathComponent("cat")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: Fixtures.url("formats/rgb8.png"), to: place.appendingPathComponent("1.png"))
    #expect(
      mistakes(#"{"folder": "\#(folder.url.path)"}"#)
        == "micro.json: dataset: \(folder.url.lastPathComponent) has 1 class and custom has 10; "
        + "name the data set that it was trained on, or give each folder's class with "
        + #""classes": {"FOLDER": NUMBER, …}"#)
  }

  @Test func `an order of classes next to the classes is refused`() {
    #expect(
      mistakes(#"{"folder": "/tmp", "classes": ["a"], "class_order": "natural"}"#)
        == "micro.json: dataset.class_order: \"classes\" gives the order already; write one of the "
        + "two")
  }

  @Test func `ImageNet's folders given as any folders are corrected`() throws {
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
