import Datasets
import Foundation
import Records
import Testing
import _TestSupport

@testable import Experiments

/// `class_map`, `valid_classes` and `reassessed_labels` of a spec, up to the scores of a run.
@Suite struct `Scoring requested by a spec` {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func add(_ names: [String]) throws {
    let picture = try Data(contentsOf: Fixtures.url("pictures/rgb_300x300.png"))
    for name in names {
      let place = folder.url.appendingPathComponent(name)
      try FileManager.default.createDirectory(
        at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      try picture.write(to: place)
    }
  }

  private func spec(_ dataset: String) throws -> Spec {
    try SpecReader.read(
      try SpecSource(
        text: MicroRun.spec(#""dataset": \#(dataset), "methods": [{"method": "none"}]"#),
        file: "micro.json"))
  }

  private func opened(_ dataset: String) throws -> any ImageDataset {
    let planner = try Planner(try spec(dataset), site: MicroRun.site)
    return try #require(planner.datasets.first).images
  }

  private func problem(_ dataset: String) -> String {
    do {
      _ = try Planner(try spec(dataset), site: MicroRun.site)
      return "no error"
    } catch { return "\(error)".replacing(folder.url.path, with: "DIR") }
  }

  @Test func `folders named by ImageNet ids have ImageNet classes`() throws {
    try add(["set/n01748264/1.png", "set/n04238763/1.png"])
    let path = folder.url.appendingPathComponent("set").path
    let choice = try spec(
      #"{"folder": "\#(path)", "class_map": "imagenet", "valid_classes": "present"}"#
    ).datasets[0]
    #expect(
      choice.kind as? ClassFolderKind == ClassFolderKind(pictures: path, classes: .imageNet))
    #expect(choice.validClasses == .present)
    // A model with ten classes cannot distinguish them.
    #expect(
      problem(#"{"folder": "\#(path)", "class_map": "imagenet"}"#).hasPrefix(
        "micro.json: dataset: "))
    #expect(
      problem(#"{"folder": "\#(path)", "class_map": "imagenet", "class_order": "natural"}"#)
        .contains("dataset.class_map: it says the class of each folder; leave out"))
    #expect(
      problem(#"{"folder": "\#(path)", "class_map": "wordnet"}"#).contains("dataset.class_map: "))
  }

  @Test func `the scored classes are those present or those listed`() throws {
    try add(["set/a/1.png", "set/b/1.png", "set/b/2.png"])
    let path = folder.url.appendingPathComponent("set").path
    let classes = #""classes": {"a": 7, "b": 2}"#
    let present = try opened(
      #"{"folder": "\#(path)", \#(classes), "valid_classes": "present"}"#)
    #expect(present.validClasses == [2, 7])
    #expect(present.layout.components(separatedBy: "scored over").count == 2)
    let listed = try opened(
      #"{"folder": "\#(path)", \#(classes), "valid_classes": [5, 2, 7]}"#)
    #expect(listed.validClasses == [2, 5, 7])
    #expect(
      problem(#"{"folder": "\#(path)", \#(classes), "valid_classes": [7]}"#).contains(
        "\"valid_classes\" leaves out 2"))
    // Records treat different scorings as different data sets.
    func fingerprint(_ rest: String) throws -> String {
      let planner = try Planner(
        try spec(#"{"folder": "\#(path)", \#(classes)\#(rest)}"#), site: MicroRun.site)
      return try #require(planner.datasets.first).fingerprint
    }
    let found = try [
      "", #", "valid_classes": "present""#, #", "valid_classes": [2, 5, 7]"#,
    ].map(fingerprint)
    #expect(Set(found).count == 3)
  }

  @Test func `a run scores only the selected classes`() throws {
    try add(["set/a/1.png", "set/b/1.png"])
    let path = folder.url.appendingPathComponent("set").path
    func result(_ rest: String) throws -> AccuracyResult {
      let place = try TemporaryFolder()
      let run = try MicroRun(
        MicroRun.spec(
          #""dataset": {"folder": "\#(path)", "classes": {"a": 7, "b": 2}\#(rest)}, "#
            + #""methods": [{"method": "none"}]"#
        ).replacing(
          #""latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1}"#,
          with: #""latency": false"#), in: place)
      _ = try run.runner.run()
      return try #require(MicroRun.predictions(run.store).values.first)
    }
    let all = try result("")
    #expect(all.topFive.allSatisfy { $0.count == 5 })
    let some = try result(#", "valid_classes": "present""#)
    #expect(some.topFive.allSatisfy { Set($0) == [2, 7] })
    #expect(!all.topFive.isEmpty && some.topFive.count == all.topFive.count)
    // Their order is the same as among all classes.
    for (few, many) in zip(some.topFive, all.topFive) {
      let known = many.filter { few.contains($0) }
      if known.count == 2 { #expect(few == known) }
    }
  }

  @Test func `multiple correct labels are read for ImageNet images, relative to the spec`() throws {
    let text = """
      {"model": {"name": "deit_tiny_patch16_224", "weights": "deit.pth"}, "latency": false,
      "dataset": {"imagenet": "/data/imagenet", "reassessed_labels": "real.json"},
      "methods": [{"method": "none"}]}
      """
    let choice = try SpecReader.read(try SpecSource(text: text, file: "a.json")).datasets[0]
    #expect(choice.reassessedLabels == "real.json")
    #expect(
      problem(#"{"folder": "/data", "reassessed_labels": "real.json"}"#).contains(
        "dataset.reassessed_labels: unknown key"))
  }
}
