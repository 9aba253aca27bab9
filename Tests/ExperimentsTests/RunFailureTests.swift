import Foundation
import Records
import Tensors
import Testing
import _TestSupport

@testable import Experiments

@Suite struct RunFailureTests {
  /// A copy of the micro weights that a test may remove.
  private func weights(in folder: TemporaryFolder) throws -> String {
    let copy = folder.url.appendingPathComponent("weights.safetensors").path
    try FileManager.default.copyItem(atPath: MicroRun.weights, toPath: copy)
    return copy
  }

  @Test func `a failed trial is recorded, and the others continue`() throws {
    let folder = try TemporaryFolder()
    let lost = try weights(in: folder)
    let spec = MicroRun.spec(#""methods": [{"method": "none"}, {"method": "topk", "r": 4}]"#)
    let both = spec.replacing(
      #""model": "#, with: #""model": ["#
    ).replacing(
      "}},",
      with: "}}, {\"weights\": \"\(lost)\", \"architecture\": {\"image_size\": 96, "
        + "\"embed_dim\": 64, \"depth\": 6, \"num_heads\": 4, \"num_classes\": 10}}],",
      maxReplacements: 1)
    // Timings first, so that the speed of the models is known and need not be estimated by a pass.
    _ = try MicroRun(both, in: folder, only: "latency").runner.run()
    let run = try MicroRun(both, in: folder, process: 2)
    try FileManager.default.removeItem(atPath: lost)
    try Data("no weights".utf8).write(to: URL(fileURLWithPath: lost))
    let summary = try run.runner.run()
    #expect(summary.measured == 2)
    #expect(summary.failures.count == 2)
    #expect(summary.failures.allSatisfy { $0.message.contains("is not a weights file") })
    let failed = run.store.records.filter {
      if case .failedAccuracy = $0.measurement { true } else { false }
    }
    #expect(failed.count == 2)
    // The same command tries again, and a result replaces the failure.
    try FileManager.default.removeItem(atPath: lost)
    _ = try weights(in: folder)
    let again = try MicroRun(both, in: folder, process: 3)
    #expect(try again.runner.run().measured == 2)
    // Two accuracies of each model, and the timings of both baselines and of topk.
    #expect(again.store.records.count == 2 + 2 + 3)
  }

  @Test func `a classifier with another number of classes is reported with the line to add`() throws
  {
    let folder = try TemporaryFolder()
    let text = MicroRun.spec(#""accuracy": false, "methods": [{"method": "none"}]"#)
      .replacing(#""accuracy": {"images": 20, "batch_size": 8}, "#, with: "")
      .replacing(#""num_classes": 10"#, with: #""num_classes": 7"#)
    let error = #expect(throws: ExperimentsError.self) { try MicroRun(text, in: folder) }
    #expect(
      error?.description
        == "micro.json: model.weights: \(MicroRun.weights): its classifier has 10 classes, "
        + #"and custom another number; write "architecture": {"num_classes": 10} next to "name""#)
  }

  /// All trials of a model that gives NaN or infinity fail: accuracy, timing and both grids.
  @Test(arguments: [
    ("blocks.5.mlp.fc1.weight", Float.nan), ("blocks.0.attn.qkv.weight", .nan),
    ("head.bias", .infinity), ("head.bias", -.infinity),
  ])
  func `non-finite logits fail every trial and name the image and the model`(
    key: String, value: Float
  ) throws {
    let folder = try TemporaryFolder()
    let broken = folder.url.appendingPathComponent("broken.safetensors")
    try BrokenWeights.write(
      value, in: key, everywhere: key.contains("qkv"), of: URL(fileURLWithPath: MicroRun.weights),
      to: broken)
    let methods = [
      #"{"method": "none"}"#, #"{"method": "tome", "r": 2}"#,
      #"{"method": "evit", "keep_rate": 0.5}"#,
      #"{"method": "tail_effect", "alpha": 0.5}"#,
    ].joined(separator: ", ")
    let run = try MicroRun(
      MicroRun.spec(
        #""grid": {"stride": 12, "images": 20}, "methods": [\#(methods)]"#, weights: broken.path),
      in: folder)
    let summary = try run.runner.run()
    #expect(summary.failures.count > 4 && run.store.records.count == summary.failures.count)
    let sentence =
      ": the logits of custom are not finite; its weights hold, or lead to, NaN or infinity"
    for record in run.store.records {
      switch record.measurement {
      case .failedAccuracy(_, let failure):
        #expect(failure.message.hasPrefix("demo picture "), "\(failure.message)")
        #expect(failure.message.hasSuffix(sentence), "\(failure.message)")
      case .failedLatency(_, let failure):
        #expect(failure.message == "image 0 of the noise that is timed" + sentence)
      case .accuracy, .latency: Issue.record("a number was recorded of what is none")
      }
    }
  }

  @Test func `two copies of a model in one file are two models in the records`() throws {
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("training.safetensors")
    let plain = try SafetensorsFile(url: URL(fileURLWithPath: MicroRun.weights))
    var tensors: [String: SafetensorsWriter.Array] = [:]
    for (key, tensor) in plain.entries {
      for entry in ["model", "model_ema"] {
        tensors["\(entry).\(key)"] = .init(shape: tensor.shape, floats: try plain.floats(key))
      }
    }
    try SafetensorsWriter.write(tensors, to: file)
    func weights(_ key: String?) throws -> WeightsSetting? {
      let given = key.map { ", \"checkpoint_key\": \"\($0)\"" } ?? ""
      let text = MicroRun.spec(
        #""dataset": "demo", "methods": [{"method": "none"}]"#, weights: file.path
      ).replacing("\(file.path)\"", with: "\(file.path)\"\(given)")
      let spec = try SpecReader.read(try SpecSource(text: text, file: "micro.json"))
      return try Planner(spec, site: MicroRun.site).models[0].setting.weights
    }
    let (plainCopy, average) = (try weights("model"), try weights("model_ema"))
    #expect(plainCopy?.name == "training.safetensors:model")
    #expect(average?.name == "training.safetensors:model_ema")
    #expect(plainCopy?.digest != average?.digest)
    #expect(try weights(nil) == average)
  }

  @Test func `weights that do not fit the model are refused before measuring`() throws {
    let folder = try TemporaryFolder()
    let spec = MicroRun.spec(#""methods": [{"method": "none"}]"#)
      .replacing(#""depth": 6"#, with: #""depth": 5"#)
    let error = #expect(throws: ExperimentsError.self) { try MicroRun(spec, in: folder) }
    let text = "\(try #require(error))"
    #expect(text.hasPrefix("micro.json: model.weights: "), "\(text)")
    #expect(text.contains("does not fit custom"))
  }

  /// A folder data set of 20 demo images, one of which is not an image.
  private func dataset(in folder: TemporaryFolder) throws -> String {
    let root = folder.url.appendingPathComponent("images")
    let picture = try Data(contentsOf: Fixtures.url("pictures/rgb_300x300.png"))
    for index in 0..<10 {
      let place = root.appendingPathComponent("class\(index)")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for copy in 0..<2 {
        let isBad = index == 3 && copy == 1
        try (isBad ? Data("broken".utf8) : picture).write(
          to: place.appendingPathComponent("\(copy).png"))
      }
    }
    return root.path
  }

  private func spec(_ dataset: String, _ policy: String) -> String {
    MicroRun.spec(
      #""latency": false, "on_bad_image": "\#(policy)", "dataset": {"folder": "\#(dataset)"}, "methods": [{"method": "none"}]"#
    ).replacing(#""latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1},"#, with: "")
  }

  @Test func `an unreadable image stops the run and is named`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(spec(try dataset(in: folder), "stop"), in: folder)
    let error = #expect(throws: ExperimentsError.self) { try run.runner.run() }
    #expect(error?.exitCode == 1)
    #expect(error?.description.contains("class3/1.png") == true)
    #expect(error?.description.contains(#"set "on_bad_image" to "skip""#) == true)
    #expect(run.store.records == [])
  }

  @Test func `a skipped image is named, counted and not scored`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(spec(try dataset(in: folder), "skip"), in: folder)
    _ = try run.runner.run()
    guard case .accuracy(let trial, let result)? = run.store.records.first?.measurement else {
      Issue.record("nothing was measured")
      return
    }
    #expect(trial.imageCount == 20)
    #expect(result.labels.count == 19)
    #expect(result.imageIndices == Array(0..<7) + Array(8..<20))
    #expect(result.skipped.map(\.path).map { $0.hasSuffix("class3/1.png") } == [true])
    #expect(run.listener.notes.contains { $0.hasPrefix("left out: ") && $0.contains("1.png") })
  }

  @Test func `a data set with other classes is refused before measuring`() throws {
    let folder = try TemporaryFolder()
    let path = try dataset(in: folder)
    try FileManager.default.removeItem(atPath: path + "/class9")
    let error = #expect(throws: ExperimentsError.self) {
      try MicroRun(spec(path, "stop"), in: folder)
    }
    #expect(
      error?.description
        == "micro.json: dataset: images has 9 classes and custom has 10; name the data set "
        + "that it was trained on, or give each folder's class with \"classes\": {\"FOLDER\": NUMBER, "
        + "…}; weights that were trained on these classes need \"architecture\": {\"num_classes\": 9}"
    )
  }

  @Test func `folders of some of the model's classes are scored by the given labels`() throws {
    let folder = try TemporaryFolder()
    let path = try dataset(in: folder)
    for gone in ["class0", "class9"] {
      try FileManager.default.removeItem(atPath: path + "/" + gone)
    }
    let labels = (1...8).map { "\"class\($0)\": \($0)" }.joined(separator: ", ")
    let mapped = spec(path, "skip").replacing(
      #""folder": "\#(path)""#, with: #""folder": "\#(path)", "classes": {\#(labels)}"#)
    let run = try MicroRun(mapped, in: folder)
    _ = try run.runner.run()
    guard case .accuracy(_, let result)? = run.store.records.first?.measurement else {
      Issue.record("nothing was measured")
      return
    }
    #expect(Set(result.labels) == Set(1...8))
  }
}
