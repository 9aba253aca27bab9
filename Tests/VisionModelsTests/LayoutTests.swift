import CPUBackend
import Foundation
import Tensors
import Testing
import TokenReduction
import VisionModels
import _TestSupport

/// Files of one small model with the tensor names of every project (`Fixtures/make_layouts.py`).
@Suite struct `Checkpoint layouts` {
  /// A file, its model, and the logits of the project's own classes.
  struct Case: Sendable, CustomTestStringConvertible {
    let files: [String]
    let logits: String
    let architecture: ViTArchitecture
    var checkpointKey: String?
    var notes: [String] = []
    var testDescription: String { files.joined(separator: " with ") }
  }

  private static func sizes(_ change: (inout ViTArchitecture) -> Void = { _ in }) -> ViTArchitecture
  {
    var a = ViTArchitecture(
      imageSize: 32, patchSize: 8, embedDim: 16, depth: 2, numHeads: 2, numClasses: 5)
    change(&a)
    return a
  }

  private static let plain = sizes()
  private static let distilled = sizes { $0.distilled = true }
  private static let unreadToken = sizes {
    $0.registers = 1
    $0.noEmbedClass = false
  }
  private static let dinov2 = sizes {
    $0.layerScale = true
    $0.head = .tokenAndPatchMean
  }
  private static let swiglu = sizes {
    $0.layerScale = true
    $0.head = .tokenAndPatchMean
    $0.mlp = .swiglu
  }
  private static let registers = sizes {
    $0.layerScale = true
    $0.head = .tokenAndPatchMean
    $0.registers = 4
  }

  private static let cases: [Case] = [
    Case(files: ["vit.safetensors"], logits: "vit", architecture: plain),
    Case(
      files: ["training.pth"], logits: "vit", architecture: plain, checkpointKey: "model",
      notes: [
        "the tensors under model",
        "left another copy of the model, which \"checkpoint_key\": \"model_ema\" takes",
        "left optimizer.*",
      ]),
    Case(
      files: ["parallel.pth"], logits: "vit", architecture: plain,
      notes: [
        "the tensors under state_dict.module",
        "left state_dict.* (2 tensors)",
      ]),
    Case(
      files: ["torchvision.safetensors"], logits: "vit", architecture: plain,
      notes: ["torchvision's names"]),
    Case(
      files: ["torchvision_new.safetensors"], logits: "vit", architecture: plain,
      notes: ["torchvision's names"]),
    Case(
      files: ["google.npz"], logits: "vit", architecture: plain,
      notes: ["Google's npz's names", "left pre_logits/bias, pre_logits/kernel"]),
    Case(files: ["google_optimizer.npz"], logits: "vit", architecture: plain),
    Case(
      files: ["hf_vit.safetensors"], logits: "hf_vit", architecture: plain,
      notes: ["Hugging Face's names"]),
    Case(files: ["hf_vit_modules.safetensors"], logits: "hf_vit", architecture: plain),
    Case(files: ["hf_deit.safetensors"], logits: "hf_deit", architecture: distilled),
    Case(
      files: ["hf_deit_one_head.safetensors"], logits: "hf_deit_one_head",
      architecture: unreadToken),
    Case(files: ["hf_dinov2.safetensors"], logits: "hf_dinov2", architecture: dinov2),
    Case(files: ["hub_dinov2.pth"], logits: "hf_dinov2", architecture: dinov2),
    Case(
      files: ["hub_dinov2_backbone.pth", "hub_dinov2_head.pth"], logits: "hf_dinov2",
      architecture: dinov2, notes: ["DINOv2's names"]),
    Case(files: ["hf_dinov2_swiglu.safetensors"], logits: "hf_dinov2_swiglu", architecture: swiglu),
    Case(files: ["hub_dinov2_swiglu.pth"], logits: "hf_dinov2_swiglu", architecture: swiglu),
    Case(files: ["hf_dinov2_reg.safetensors"], logits: "hf_dinov2_reg", architecture: registers),
    Case(
      files: ["hf_dinov2_reg_modules.safetensors"], logits: "hf_dinov2_reg",
      architecture: registers),
    Case(files: ["hub_dinov2_reg.pth"], logits: "hf_dinov2_reg", architecture: registers),
  ]

  private static func url(_ name: String) -> URL { Fixtures.url("layouts/\(name)") }

  @Test(arguments: cases)
  func `every layout gives its own project's logits`(_ of: Case) throws {
    let stored = try SafetensorsFile(url: Self.url("logits.safetensors"))
    let (images, expected) = (try stored.floats("images"), try stored.floats(of.logits))
    let model = try of.architecture.load(
      weights: .files(of.files.map(Self.url), checkpointKey: of.checkpointKey),
      backend: CPUBackend(threads: 1))
    let composition = try TokenReductionRegistry.composition(
      for: .init(name: "none", parameters: [:]), geometry: model.info.tokens)
    let runner = try PassRunner(model: model, composition: composition, batchSize: 2)
    for (index, value) in images.enumerated() { runner.input[index] = value }
    runner.run()
    let difference = largestDifference(runner.logits, expected)
    #expect(difference < 1e-4, "the largest difference is \(difference)")
  }

  @Test(arguments: cases.filter { !$0.notes.isEmpty })
  func `used and unused tensors are reported`(_ of: Case) throws {
    let fit = try of.architecture.fit(
      CheckpointFiles(of.files.map(Self.url)), checkpointKey: of.checkpointKey)
    #expect(fit.notes == of.notes)
  }

  /// Training checkpoints with several copies of the model: what timm uses, and what is left
  /// unused.
  private static let copies: [(entries: [String], taken: String, left: [String])] = [
    (["model", "model_ema"], "model_ema.", ["model."]),
    (["state_dict", "state_dict_ema"], "state_dict_ema.", ["state_dict."]),
    (["model.module", "model_ema.module"], "model_ema.module.", ["model.module."]),
    (["ema", ""], "ema.", [""]),
    (["student", "teacher"], "teacher.", ["student."]),
    (["student.module", "teacher"], "teacher.", ["student.module."]),
  ]

  @Test(arguments: copies.indices)
  func `of several copies timm's choice is used, unless the spec chooses`(
    index: Int
  ) throws {
    let (entries, taken, left) = Self.copies[index]
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    let plain = try SafetensorsFile(url: Self.url("vit.safetensors"))
    var tensors: [String: SafetensorsWriter.Array] = [:]
    for (number, entry) in entries.enumerated() {
      for (key, tensor) in plain.entries {
        let values = try plain.floats(key).map { $0 + (key == "head.bias" ? Float(number) : 0) }
        tensors[entry.isEmpty ? key : "\(entry).\(key)"] = .init(
          shape: tensor.shape, floats: values)
      }
    }
    try SafetensorsWriter.write(tensors, to: url)
    func bias(_ key: String?) throws -> Float {
      let model = try Self.plain.load(
        weights: .files([url], checkpointKey: key), backend: CPUBackend(threads: 1))
      let runner = try PassRunner(
        model: model, composition: .unreduced(Self.plain.info.tokens), batchSize: 1)
      for position in runner.input.indices { runner.input[position] = 0 }
      runner.run()
      return runner.logits[0]
    }
    let files = try CheckpointFiles([url])
    let fit = try Self.plain.fit(files)
    #expect(fit.wrapper == taken)
    #expect(fit.others == left)
    let first = try bias(entries[0])
    #expect(abs(try bias(entries[1]) - first - 1) < 1e-4)
    #expect(try bias(nil) == bias(fit.checkpointKey))
    let other = try Self.plain.fit(files, checkpointKey: String(left[0].dropLast()))
    #expect(other.wrapper == left[0])
    #expect(other.others == [taken])
  }

  @Test func `a missing entry is reported with the existing ones`() {
    func message(_ file: String, _ key: String) -> String {
      do {
        _ = try Self.plain.fit(CheckpointFiles([Self.url(file)]), checkpointKey: key)
        return "no error"
      } catch { return "\(error)".replacing(Self.url("").path + "/", with: "") }
    }
    #expect(
      message("training.pth", "ema")
        == "training.pth: has no tensors under \"ema\"; its tensors lie under \"model_ema\", "
        + "\"model\"")
    #expect(
      message("vit.safetensors", "model")
        == "vit.safetensors: has no tensors under \"model\"; none of its tensors lie under such an "
        + "entry, so leave \"checkpoint_key\" out")
    #expect(
      message("training.pth", "optimizer").hasPrefix("training.pth: has none of this model's"))
  }

  @Test func `position embeddings of another grid are reported with their resampling`() throws {
    var larger = Self.plain
    larger.imageSize = 48
    #expect(
      try larger.fit(CheckpointFiles([Self.url("vit.safetensors")])).notes == [
        "pos_embed [1, 17, 16] brought to [1, 37, 16] by \"position_interpolation\": \"timm\""
      ])
  }

  private static func message(_ files: String..., as a: ViTArchitecture) -> String? {
    do {
      _ = try a.fit(CheckpointFiles(files.map(url)), name: "tiny")
      return nil
    } catch { return "\(error)".replacing(url("").path + "/", with: "") }
  }

  @Test func `a backbone without classifier is refused with what to provide`() {
    #expect(
      Self.message("hub_dinov2_backbone.pth", as: Self.dinov2)
        == "hub_dinov2_backbone.pth: is a backbone without a classifier, and tiny needs one "
        + "(missing: head.weight, head.bias); give its file too, as \"weights\": [\"BACKBONE\", "
        + "\"HEAD\"], or weights that have one")
  }

  @Test func `a tensor in two files is refused`() {
    #expect(
      Self.message("hub_dinov2.pth", "hub_dinov2.pth", as: Self.dinov2)?.hasSuffix(
        "which hub_dinov2.pth has too; name one of the two files") == true)
  }

  @Test func `an unrelated file is reported with its content`() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    try SafetensorsWriter.write(
      ["conv1.weight": .init(shape: [1], floats: [0])], to: url)
    let error = #expect(throws: VisionModelsError.self) {
      try Self.plain.fit(CheckpointFiles([url]), name: "tiny")
    }
    #expect(
      error?.description
        == "\(url.path): has none of tiny's 32 tensors (cls_token, pos_embed, "
        + "patch_embed.proj.weight and 29 more); it is a safetensors file of 1 (conv1.weight)")
  }

  @Test func `a mismatched model is reported key by key`() {
    let text = Self.message("hf_dinov2.safetensors", as: Self.plain) ?? ""
    #expect(text.contains("whose tensors carry Hugging Face's names"))
    #expect(text.contains("of another shape (head.weight is [5, 32], not [5, 16])"))
  }
}
