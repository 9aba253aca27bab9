import CPUBackend
import Foundation
import Records
import Tensors
import Testing
import TokenReduction
import VisionModels
import _TestSupport

/// Small timm models that differ from ViT in one part (`Fixtures/make_variants.py`).
@Suite struct `ViT variants` {
  private static func runner(
    _ sizes: ViTArchitecture, _ name: String, method: MethodSettingText = .none, threads: Int = 2
  ) throws -> PassRunner {
    let model = try sizes.load(
      name: name, weights: .file(Fixtures.url("variants/\(name).safetensors")),
      backend: CPUBackend(threads: threads))
    let entry = ModelRegistry.custom(sizes, name: name)
    return try PassRunner(
      model: model, composition: entry.composition(for: method.setting), batchSize: 2)
  }

  /// Methods of these tests.
  enum MethodSettingText: String, CaseIterable, Sendable {
    case none, random, topk, tome

    var setting: MethodSetting {
      switch self {
      case .none: MethodSetting(name: "none", parameters: [:])
      case .random: MethodSetting(name: "random", parameters: ["r": .integer(4)])
      case .topk: MethodSetting(name: "topk", parameters: ["r": .integer(3)])
      case .tome: MethodSetting(name: "tome", parameters: ["r": .integer(3)])
      }
    }
  }

  @Test(arguments: ViTVariants.all.indices)
  func `a variant gives timm's logits`(index: Int) throws {
    let (name, sizes) = ViTVariants.all[index]
    let stored = try SafetensorsFile(url: Fixtures.url("variants/logits.safetensors"))
    let expected = try stored.floats(name)
    for threads in [1, 3] {
      let runner = try Self.runner(sizes, name, threads: threads)
      for (position, value) in try stored.floats("images").enumerated() {
        runner.input[position] = value
      }
      runner.run()
      let difference = largestDifference(runner.logits, expected)
      #expect(difference < 1e-4, "\(name): the largest difference is \(difference)")
    }
  }

  @Test(arguments: ViTVariants.all.indices)
  func `methods run on every variant that provides what they read`(index: Int) throws {
    let (name, sizes) = ViTVariants.all[index]
    for method in [MethodSettingText.random, .tome, .topk] {
      guard sizes.classToken || method != .topk else {
        let error = #expect(throws: VisionModelsError.self) {
          try Self.runner(sizes, name, method: method)
        }
        #expect(error == .noClassToken(model: name, method: "topk"))
        continue
      }
      let runner = try Self.runner(sizes, name, method: method)
      for position in runner.input.indices { runner.input[position] = Float(position % 17) / 17 }
      runner.run()
      let isFinite = runner.logits.allSatisfy { $0.isFinite }
      #expect(isFinite, "\(name) with \(method)")
      #expect(runner.tokensAfterBlocks.last ?? .max < sizes.tokens)
    }
  }

  @Test(arguments: ViTVariants.all.indices)
  func `methods that pad images are refused if the classifier pools patch tokens`(index: Int) throws
  {
    let (name, sizes) = ViTVariants.all[index]
    let entry = ModelRegistry.custom(sizes, name: name)
    let setting = MethodSetting(
      name: "ats", parameters: ["layers": .array([.integer(0), .integer(1)])])
    guard sizes.classToken else { return }
    if sizes.head == .token {
      #expect(try entry.composition(for: setting).padsImages)
      return
    }
    let error = #expect(throws: VisionModelsError.self) { try entry.composition(for: setting) }
    #expect(error == .poolsPadding(model: name, method: "ats"))
    #expect(
      error.map { "\($0)" }
        == "\(name)'s classifier pools the patch tokens, and ats keeps different numbers of them in "
        + "different images, which are padded; it runs on models whose classifier reads the class "
        + "token")
  }

  @Test(arguments: ["timm", "dinov2", "hugging_face"], [3, 6])
  func `position embeddings are resampled to another grid as in each project`(
    project: String, side: Int
  ) throws {
    let stored = try SafetensorsFile(url: Fixtures.url("variants/logits.safetensors"))
    let interpolation = try #require(ViTArchitecture.PositionInterpolation(rawValue: project))
    let ours = PositionEmbedding.resample(
      try stored.floats("grid"), side: 4, width: 8, rows: side, columns: side,
      interpolation: interpolation)
    let expected = try stored.floats("\(project)_\(side)")
    #expect(largestDifference(ours, expected) < 1e-5)
  }

  @Test func `options of few models are written only for those`() throws {
    let plain = ViTVariants.sizes { _ in }
    #expect(plain.members["class_token"] == nil && plain.members["norm_epsilon"] == nil)
    for (_, sizes) in ViTVariants.all {
      #expect(ViTArchitecture.decode(sizes.members) as? ViTArchitecture == sizes)
    }
  }

  @Test func `incompatible parts are refused`() {
    let noClass = ViTVariants.sizes { $0.classToken = false }
    #expect(
      noClass.problems().map(\.message) == [
        "\"token\" reads the class token, and \"class_token\" is false"
      ])
    let shallow = ViTVariants.sizes { $0.head = .lastTokensAndPatchMean }
    #expect(shallow.problems().map(\.key) == ["head"])
  }
}
