import Records
import Testing

@testable import Experiments

@Suite struct SpecReaderTests {
  private func read(_ text: String, _ overrides: [SpecSource.Override] = []) throws -> Spec {
    try SpecReader.read(try SpecSource(text: text, file: "dir/a.json", overrides: overrides))
  }

  @Test func `a spec with two keys has defaults for the rest`() throws {
    let spec = try read(#"{"model": "demo_vit", "methods": [{"method": "none"}]}"#)
    #expect(spec.name == "a")
    #expect(spec.models.map(\.weights) == [.demo])
    #expect(spec.datasets.map(\.folder) == [nil])
    #expect(spec.devices == [.here("cpu")])
    #expect(spec.batchSizes == [1])
    #expect(spec.threads == [nil])
    #expect(spec.precisions == ["float32"])
    #expect(spec.accuracy.mode == .whereTrained)
    #expect(spec.accuracy.images == nil)
    #expect(spec.latency == TimingSetting(warmup: 5, minSeconds: 1, minSamples: 30))
    #expect(spec.grid.images == 1024)
    #expect(!spec.skipsBadImages)
  }

  @Test func `the lists of a method are combined`() throws {
    let spec = try read(
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "r": [10, 20, 30], "layer": [1, "25%"]}]}"#
    )
    let points = spec.methods.map { [$0.parameters["r"], $0.parameters["layer"]] }
    #expect(
      points
        == [10, 20, 30].flatMap { r in
          [[.integer(r), .integer(1)], [.integer(r), .string("25%")]]
        })
  }

  @Test func `a range includes its end and may be in a list`() throws {
    let spec = try read(
      #"{"model": "demo_vit", "batch_size": [1, {"range": [4, 12, 4]}], "methods": [{"method": "evit", "keep_rate": {"range": [0.9, 0.5, -0.1]}}]}"#
    )
    #expect(spec.batchSizes == [1, 4, 8, 12])
    #expect(
      spec.methods.map { $0.parameters["keep_rate"] }
        == [.number(0.9), .number(0.8), .number(0.7), .number(0.6), .number(0.5)])
  }

  @Test func `a list of layers is one value, and a list of lists is a sweep`() throws {
    let spec = try read(
      #"{"model": "demo_vit", "methods": [{"method": "evit", "keep_rate": 0.7, "layers": [3, 6]}, {"method": "evit", "keep_rate": 0.7, "layers": [[3, 6], [4]]}]}"#
    )
    #expect(
      spec.methods.map { $0.parameters["layers"] } == [
        .array([.integer(3), .integer(6)]), .array([.integer(3), .integer(6)]),
        .array([.integer(4)]),
      ])
  }

  @Test func `tail_effect without r is searched with alpha 0.5`() throws {
    let spec = try read(
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect"}, {"method": "tail_effect", "alpha": [0.3, 1]}, {"method": "tail_effect", "r": 7}]}"#
    )
    #expect(
      spec.methods.map(\.search)
        == [.utility(alpha: 0.5), .utility(alpha: 0.3), .utility(alpha: 1), nil])
    #expect(spec.methods.map { $0.parameters["r"] } == [nil, nil, nil, .integer(7)])
  }

  @Test func `a target searches its layers instead of sweeping them`() throws {
    let spec = try read(
      #"{"model": "demo_vit", "methods": [{"method": "tail_effect", "target_latency_ms": [2, 3], "layer": [1, "50%"]}, {"method": "tail_effect", "target_accuracy_drop": 1}]}"#
    )
    #expect(
      spec.methods.map(\.search) == [
        .withinLatency(milliseconds: 2), .withinLatency(milliseconds: 3), .withinDrop(points: 1),
      ])
    #expect(
      spec.methods.map(\.layers) == [
        [.integer(1), .string("50%")], [.integer(1), .string("50%")],
        [.string("10%"), .string("25%"), .string("50%")],
      ])
  }

  @Test func `the spec's seed is used if a method has none`() throws {
    let spec = try read(
      #"{"model": "demo_vit", "seed": 9, "methods": [{"method": "random", "r": 4}, {"method": "random", "r": 4, "seed": [1, 2]}]}"#
    )
    #expect(spec.methods.map { $0.parameters["seed"] } == [.integer(9), .integer(1), .integer(2)])
  }

  @Test func `sizes of a spec override those of a named model`() throws {
    let spec = try read(
      #"{"model": [{"name": "deit_tiny_patch16_224", "architecture": {"depth": 2}}, {"architecture": {"embed_dim": 64, "num_heads": 4, "image_size": 96}}], "methods": [{"method": "none"}]}"#
    )
    #expect(spec.models.map(\.name) == ["custom deit_tiny_patch16_224", "custom"])
    #expect(spec.models.map(\.entry.info.stages[0].blocks) == [2, 12])
    #expect(spec.models.map(\.entry.info.stages[0].width) == [192, 64])
    #expect(spec.models.map(\.entry.preprocessing.resize) == [248, 106])
  }

  @Test(arguments: [
    // timm's `resolve_data_config` with `--img-size`: `floor(size / crop_pct)`.
    ("vit_tiny_patch16_224", 256, 284, Float(0.5)), ("vit_small_patch16_384", 224, 224, 0.5),
    ("deit_small_patch16_224", 384, 426, 0.485), ("deit_tiny_patch16_224", 192, 213, 0.485),
    ("vit_small_patch14_dinov2", 518, 518, 0.485),
  ])
  func `another image size keeps the model's preprocessing, as in timm`(
    _ model: String, _ size: Int, _ resize: Int, _ mean: Float
  ) throws {
    let spec = try read(
      #"{"model": {"name": "\#(model)", "architecture": {"image_size": \#(size)}}, "methods": [{"method": "none"}]}"#
    )
    let preprocessing = spec.models[0].entry.preprocessing
    #expect(preprocessing.resize == resize)
    #expect(preprocessing.crop == size)
    #expect(preprocessing.mean[0] == mean)
    #expect(preprocessing.std[0] == (mean == 0.5 ? 0.5 : 0.229))
    #expect(preprocessing.interpolation == .bicubic)
  }

  @Test func `a range of large integers ends at its limit`() throws {
    let spec = try read(
      #"{"model": "demo_vit", "methods": [{"method": "random", "r": 1, "seed": {"range": [1, 9223372036854775807, 9223372036854775807]}}, {"method": "random", "r": 1, "seed": {"range": [9223372036854775806, 9223372036854775807, 1]}}]}"#
    )
    #expect(
      spec.methods.map { $0.parameters["seed"] }
        == [.integer(1), .integer(.max - 1), .integer(.max)])
  }

  @Test func `accuracy can be requested, omitted or configured`() throws {
    func accuracy(_ value: String) throws -> AccuracyChoice {
      try read(
        #"{"model": "demo_vit", "accuracy": \#(value), "methods": [{"method": "none"}]}"#
      ).accuracy
    }
    #expect(try accuracy("false").mode == .no)
    #expect(try accuracy("true") == AccuracyChoice(mode: .yes, images: nil, batchSize: 50))
    #expect(
      try accuracy(#"{"images": 7, "batch_size": 3}"#)
        == AccuracyChoice(mode: .yes, images: 7, batchSize: 3))
  }

  @Test func `an option overrides the file and is named in errors`() throws {
    let text = #"{"model": "demo_vit", "methods": [{"method": "none"}]}"#
    let device = SpecSource.Override(key: "device", value: .string("cuda:1"), option: "--device")
    #expect(try read(text, [device]).devices == [.here("cuda:1")])
    let wrong = SpecSource.Override(key: "model", value: .string("demo_vti"), option: "--model")
    let error = #expect(throws: ExperimentsError.self) { try read(text, [wrong]) }
    #expect(
      error?.description
        == #"--model: "demo_vti" is not a model; did you mean 'demo_vit'?"#)
  }
}
