import CPUBackend
import Files
import Foundation
import Tensors
import Testing
import TokenReduction
import _TestSupport

@testable import VisionModels

/// Files of families other than plain ViTs, with the tensor names of other projects than timm.
@Suite struct `Checkpoint layouts of other families` {
  /// A file of Hugging Face's own classes (`Fixtures/make_hybrid_layouts.py`).
  struct Published: Sendable, CustomTestStringConvertible {
    let file: String
    let logits: String
    let architecture: any ModelArchitecture
    var testDescription: String { file }
  }

  private static let swin: Swin = {
    var sizes = Swin(embedDim: 8, depths: [1, 2, 1], numHeads: [1, 2, 2])
    (sizes.windowSize, sizes.imageSize, sizes.numClasses) = (4, 64, 5)
    return sizes
  }()
  private static let convNeXt: ConvNeXt = {
    var sizes = ConvNeXt(dims: [8, 8, 12, 16], depths: [1, 1, 2, 1])
    (sizes.imageSize, sizes.numClasses) = (64, 5)
    return sizes
  }()
  private static let mobileViT: MobileViT = {
    var sizes = MobileViT(
      widths: [8, 8, 16, 8, 8], transformerDims: [8, 8, 12], transformerDepths: [2, 4, 3],
      expansion: 2, headWidth: 16)
    (sizes.stemWidth, sizes.imageSize, sizes.numClasses) = (8, 64, 5)
    return sizes
  }()

  private static let published = [
    Published(file: "hf_swin", logits: "hf_swin", architecture: swin),
    Published(file: "hf_swin_modules", logits: "hf_swin", architecture: swin),
    Published(file: "hf_convnext", logits: "hf_convnext", architecture: convNeXt),
    Published(file: "hf_mobilevit", logits: "hf_mobilevit", architecture: mobileViT),
  ]

  private static func url(_ name: String) -> URL {
    Fixtures.url("layouts/\(name).safetensors")
  }

  @Test(arguments: published)
  func `Hugging Face's files give the logits of its own models`(_ of: Published) throws {
    let stored = try SafetensorsFile(url: Self.url("hybrid_logits"))
    let (images, expected) = (try stored.floats("images"), try stored.floats(of.logits))
    let files = try CheckpointFiles([Self.url(of.file)])
    #expect(try of.architecture.fit(files).notes == ["Hugging Face's names"])
    let model = try of.architecture.load(
      weights: .file(Self.url(of.file)), backend: CPUBackend(threads: 1))
    let runner = try PassRunner(model: model, composition: .unreduced(.none), batchSize: 2)
    _ = runner.input.update(from: images[..<runner.input.count])
    runner.run()
    let difference = largestDifference(runner.logits, expected)
    #expect(difference < 2e-5, "the largest difference is \(difference)")
  }

  /// The names that another project uses for a stored case: pairs of a pattern and its replacement.
  struct Renamed: Sendable, CustomTestStringConvertible {
    let project: String
    let golden: String
    let rename: @Sendable (String) -> String
    var testDescription: String { project }
  }

  private static let renamed = [
    Renamed(project: "Cream", golden: "efficientvit_msra_128") { key in
      var key = key.replacing("head.linear", with: "head.l")
      for (layer, place) in zip(1...4, [0, 2, 4, 6]) {
        key = key.replacing("patch_embed.conv\(layer).", with: "patch_embed.\(place).")
      }
      for stage in [1, 2] {
        for (part, place) in [("res1", 0), ("patchmerge", 1), ("res2", 2)] {
          key = key.replacing(
            "stages.\(stage).downsample.\(part).", with: "blocks\(stage + 1).\(place).")
        }
        for block in 0..<3 {
          key = key.replacing(
            "stages.\(stage).blocks.\(block).", with: "blocks\(stage + 1).\(block + 3).")
        }
      }
      return key.replacing("stages.0.blocks.", with: "blocks1.")
        .replacing(".conv.weight", with: ".c.weight")
    },
    Renamed(project: "MIT's EfficientViT repository", golden: "efficientvit_mit_96") { key in
      key.replacing("stem.in_conv", with: "backbone.input_stem.op_list.0")
        .replacing("stem.res0", with: "backbone.input_stem.op_list.1")
        .replacing("head.in_conv", with: "head.op_list.0")
        .replacing("head.classifier.0", with: "head.op_list.2.linear")
        .replacing("head.classifier.1", with: "head.op_list.2.norm")
        .replacing("head.classifier.4", with: "head.op_list.3.linear")
        .replacing(/^stages\.(\d)\.blocks\./) { "backbone.stages.\($0.1).op_list." }
    },
    Renamed(project: "Microsoft", golden: "swin_64") { key in
      key.replacing("head.fc", with: "head")
        .replacing(/^layers\.(\d)\.downsample/) {
          "layers.\((Int($0.1) ?? 0) - 1).downsample"
        }
    },
    Renamed(project: "ConvNeXt's own repository", golden: "convnext_64") { key in
      key.replacing(/^stem/) { _ in "downsample_layers.0" }
        .replacing(/^stages\.(\d)\.downsample/) { "downsample_layers.\($0.1)" }
        .replacing(/^stages\.(\d)\.blocks\./) { "stages.\($0.1)." }
        .replacing("conv_dw", with: "dwconv").replacing("mlp.fc", with: "pwconv")
        .replacing("head.norm", with: "norm").replacing("head.fc", with: "head")
    },
  ]

  @Test(arguments: renamed)
  func `files from the authors' repositories give timm's logits`(_ of: Renamed) throws {
    let golden = try FamilyTests.Golden(name: of.golden)
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    var tensors: [String: SafetensorsWriter.Array] = [:]
    for (key, entry) in golden.file.entries where key.hasPrefix("weights.") {
      let name = of.rename(String(key.dropFirst(8)))
      tensors["state_dict.\(name)"] = .init(
        shape: entry.shape, floats: try golden.file.floats(key))
    }
    #expect(tensors.keys.allSatisfy { !$0.contains("stages.0.blocks") })
    try SafetensorsWriter.write(tensors, to: url)
    #expect(
      try golden.architecture.fit(CheckpointFiles([url])).notes
        == ["\(of.project)'s names", "the tensors under state_dict"])
    let model = try golden.architecture.load(
      weights: .file(url), backend: CPUBackend(threads: 1))
    let images = try golden.file.floats("images")
    let runner = try PassRunner(model: model, composition: .unreduced(.none), batchSize: 1)
    _ = runner.input.update(from: images[..<runner.input.count])
    runner.run()
    let expected = try golden.file.floats("logits").prefix(10)
    let range = (expected.max() ?? 0) - (expected.min() ?? 0)
    let difference = largestDifference(runner.logits, expected)
    #expect(difference < 1e-5 * range, "the largest difference is \(difference) of \(range)")
  }
}
