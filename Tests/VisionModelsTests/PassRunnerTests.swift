import CAllocationCounter
import CPUBackend
import Foundation
import Records
import Tensors
import Testing
import TokenReduction
import VisionModels
import _TestSupport

/// The contract of every registered method, on small models with one, two and five prefix tokens.
@Suite(.serialized) struct PassRunnerTests {
  static let architectures = [
    ViTArchitecture(
      imageSize: 48, patchSize: 8, embedDim: 32, depth: 4, numHeads: 2, numClasses: 7),
    ViTArchitecture(
      imageSize: 48, patchSize: 8, embedDim: 32, depth: 4, numHeads: 2, distilled: true,
      numClasses: 7),
    ViTArchitecture(
      imageSize: 48, patchSize: 8, embedDim: 32, depth: 4, numHeads: 2, mlp: .swiglu, registers: 4,
      layerScale: true, head: .tokenAndPatchMean, numClasses: 7),
  ]

  typealias Setting = (method: String, parameters: [String: JSONValue])

  private static let named: [Setting] =
    [
      ("none", [:]), ("none_explicit", [:]), ("random", ["r": .integer(10)]),
      (
        "random",
        [
          "tokens": .array([37, 30, 30, 20].map { .integer($0) }),
          "position": .string("inside_block"),
        ]
      ), ("topk", ["r": .integer(3)]),
      ("evit", ["keep_rate": .number(0.6)]), ("tome", ["r": .integer(5)]),
      ("tail_effect", ["r": .integer(14)]),
      ("dynamicvit", ["keep_rate": .number(0.8)]),
      ("diffrate", ["r": .integer(5)]), ("pitome", ["keep_rate": .number(0.8)]),
      ("pitome", ["keep_rate": .number(0.85), "first_half": .string("energy")]),
      ("tofu", ["keep_rate": .number(0.8)]), ("ppt", ["r": .integer(6)]),
      ("ppt", ["r": .integer(6), "tau": .number(0)]), ("ats", ["keep_rate": .number(0.8)]),
      ("dpcknn", ["learned_weights": .boolean(true)]),
      ("kmedoids", ["keep_rate": .number(0.8)]),
      ("gtp", ["r": .integer(4), "sparsity": .number(0.7), "neighbors": .integer(3)]),
      ("mctf", ["r": .integer(5), "least": .integer(8)]), ("atc", ["keep_rate": .number(0.8)]),
      ("dct", ["keep_rate": .number(0.8)]),
      (
        "zero_tprune",
        [
          "layers": .array([.integer(1), .integer(2)]), "similar": .integer(3),
          "keep_rates": .array([.number(1), .number(0.8)]),
        ]
      ),
      ("representation_shift", ["layers": .array([.integer(1), .integer(2)])]),
      ("tome_importance", ["r": .integer(4)]),
    ]

  private static let composed: [Setting] = {
    var settings: [Setting] = []
    for score in ["random", "class_attention", "tail_effect"] {
      for disposal in ["drop", "fuse_mean", "fuse_score_sum", "merge"] {
        let parameters: [String: JSONValue] = [
          "score": .string(score), "disposal": .string(disposal),
          "schedule": .string("progressive"), "r": .integer(4),
        ]
        settings.append(("compose", parameters))
      }
    }
    return settings
  }()

  /// Methods without a setting above, with an explicit schedule, which every method accepts.
  private static let others: [Setting] = {
    let listed = Set((named + composed).map(\.method))
    return TokenReductionRegistry.all.filter { !listed.contains($0.name) }.map {
      ($0.name, ["tokens": .array([37, 33, 29, 25].map { .integer($0) })])
    }
  }()

  static let settings: [Setting] = named + composed + others

  static func pass(
    _ architecture: any ModelArchitecture,
    _ setting: (method: String, parameters: [String: JSONValue]),
    batchSize: Int, threads: Int = 2
  ) throws -> PassRunner {
    let model = try architecture.load(
      weights: .random(seed: 5), backend: CPUBackend(threads: threads))
    return try PassRunner(
      model: model,
      composition: try TokenReductionRegistry.composition(
        for: MethodSetting(name: setting.method, parameters: setting.parameters),
        geometry: architecture.info.tokens), batchSize: batchSize)
  }

  /// With weights of 0.02 all tokens are similar; very different images give the scores something
  /// to select by.
  static func fill(_ pass: PassRunner, images: Range<Int>) {
    let size = pass.input.count / pass.batchSize
    for (slot, image) in images.enumerated() {
      _ = pass.input[(slot * size)...].update(
        from: randomFloats(size, seed: UInt64(100 + image)).map { 20 * $0 })
    }
  }

  @Test func `every method of the registry is tested here`() {
    #expect(Set(Self.settings.map(\.method)) == Set(TokenReductionRegistry.all.map { $0.name }))
  }

  @Test func `explicit attention, with every map in memory, predicts the same as fused attention`()
    throws
  {
    for architecture in Self.architectures {
      let passes = try ["none", "none_explicit"].map {
        try Self.pass(architecture, ($0, [:]), batchSize: 2)
      }
      for pass in passes {
        Self.fill(pass, images: 0..<2)
        pass.run()
      }
      #expect(!passes[0].logits.isEmpty && passes[0].logits.count == passes[1].logits.count)
      for (fused, explicit) in zip(passes[0].logits, passes[1].logits) {
        #expect(abs(fused - explicit) < 1e-4 * max(1, abs(fused)))
      }
      #expect(passes[0].macs == passes[1].macs)
      #expect(!passes[0].operations.contains { $0.kind == .attentionMap })
      #expect(!passes[1].operations.contains { $0.kind == .attention })
      #expect(passes[1].operations.count { $0.kind == .attentionMap } == 2 * architecture.depth)
    }
  }

  @Test(arguments: architectures, settings.indices)
  func `a pass that starts after shared blocks gives bit-identical logits`(
    architecture: ViTArchitecture, index: Int
  ) throws {
    let pass = try Self.pass(architecture, Self.settings[index], batchSize: 3)
    guard pass.resumes else { return }
    let whole = try Self.pass(architecture, ("none", [:]), batchSize: 3)
    let blocks = pass.composition.unreducedBlocks
    guard blocks > 0, !pass.composition.steps.isEmpty else { return }
    Self.fill(pass, images: 0..<3)
    Self.fill(whole, images: 0..<3)
    var stream: [Float] = []
    whole.onBlock = { block, tensor in
      guard block + 1 == blocks else { return }
      stream = [Float](repeating: 0, count: tensor.shape.count)
      stream.withUnsafeMutableBufferPointer { whole.model.backend.download(tensor, to: $0) }
    }
    whole.run()
    pass.run()
    let expected = Array(pass.logits)
    pass.input.update(repeating: .nan)
    stream.withUnsafeBufferPointer {
      pass.run(imageKeys: nil, resuming: ResumedStream(blocks: blocks, values: $0))
    }
    #expect(Array(pass.logits) == expected)
  }

  @Test(arguments: architectures, settings.indices)
  func `prefix tokens stay first, and counts are as promised`(
    architecture: ViTArchitecture, index: Int
  ) throws {
    let pass = try Self.pass(architecture, Self.settings[index], batchSize: 3)
    Self.fill(pass, images: 0..<3)
    var counts: [Int] = []
    let prefix = architecture.prefixTokens
    pass.onBlock = { block, stream in if block >= 0 { counts.append(stream.shape[1]) } }
    pass.onReduction = { event in
      #expect(event.step.tokensOut <= event.step.tokensIn)
      for image in 0..<3 {
        let offsets = event.assignment.offsets.integers + image * (event.step.tokensOut + 1)
        let sources = event.assignment.sources.integers + image * event.step.tokensIn
        // Each prefix token is its only source, in its place.
        for token in 0..<prefix {
          #expect(offsets[token + 1] - offsets[token] == 1)
          #expect(sources[Int(offsets[token])] == Int32(token))
        }
        // No token is used twice.
        let used = (0..<Int(offsets[event.step.tokensOut])).map { sources[$0] }
        #expect(Set(used).count == used.count)
      }
    }
    pass.run()
    #expect(counts == pass.tokensAfterBlocks)
    #expect(!pass.logits.contains { !$0.isFinite })
    #expect(pass.logits.count == 3 * 7)
  }

  @Test(arguments: settings.indices, NotNumbers.allCases)
  func `NaN images keep the promised token counts`(
    index: Int, kind: NotNumbers
  ) throws {
    let architecture = Self.architectures[0]
    let pass = try Self.pass(architecture, Self.settings[index], batchSize: 2)
    let values = kind.values(pass.input.count / 2, seed: 1)
    // The other image is ordinary and must stay so.
    Self.fill(pass, images: 0..<2)
    for (place, value) in values.enumerated() { pass.input[place] = value }
    var steps = 0
    pass.onReduction = { event in
      steps += 1
      let (before, after) = (event.step.tokensIn, event.step.tokensOut)
      for image in 0..<2 {
        let offsets = event.assignment.offsets.integers + image * (after + 1)
        let sources = event.assignment.sources.integers + image * before
        #expect((0..<before).map { Int(sources[$0]) }.sorted() == Array(0..<before))
        for token in 0..<architecture.prefixTokens {
          #expect(offsets[token + 1] - offsets[token] == 1 && sources[token] == Int32(token))
        }
        // Kernels that fuse or merge use every token.
        if let kernel = pass.composition.disposalKernel, kernel != .drop {
          #expect(offsets[after] == Int32(before))
        }
      }
    }
    pass.run()
    #expect(steps == pass.composition.steps.count)
    #expect(!pass.logits[7...].contains { !$0.isFinite })
  }

  @Test(arguments: architectures, settings.indices)
  func `a prediction does not depend on the batch or the threads`(
    architecture: ViTArchitecture, index: Int
  ) throws {
    let together = try Self.pass(architecture, Self.settings[index], batchSize: 3, threads: 3)
    Self.fill(together, images: 0..<3)
    together.run(imageKeys: [40, 41, 42])
    let alone = try Self.pass(architecture, Self.settings[index], batchSize: 1, threads: 1)
    for image in 0..<3 {
      Self.fill(alone, images: image..<(image + 1))
      alone.run(imageKeys: [UInt64(40 + image)])
      let logits = Array(together.logits[(image * 7)..<((image + 1) * 7)])
      #expect(largestDifference(Array(alone.logits), logits) < 1e-5)
    }
  }

  @Test(arguments: settings.indices)
  func `a pass gives the same bits every time`(index: Int) throws {
    let pass = try Self.pass(Self.architectures[0], Self.settings[index], batchSize: 2)
    Self.fill(pass, images: 0..<2)
    pass.run()
    let first = Array(pass.logits)
    for _ in 0..<5 {
      pass.run()
      #expect(Array(pass.logits) == first)
    }
  }

  @Test(.enabled(if: lab_allocations_can_be_counted(), "needs glibc"), arguments: settings.indices)
  func `a pass allocates nothing`(index: Int) throws {
    let pass = try Self.pass(Self.architectures[0], Self.settings[index], batchSize: 2)
    Self.fill(pass, images: 0..<2)
    pass.run()
    pass.run()
    #expect(try pass.allocationsOfOnePass() == 0)
  }

  @Test func `MACs match the layers`() throws {
    let a = try #require(ModelRegistry.entry(named: "deit_small_patch16_224")).architecture
    let none = try Self.pass(a, ("none", [:]), batchSize: 1)
    // timm and fvcore: 4.6 G for DeiT-S.
    let layers = 197 * 384 * 1152 + 197 * 384 * 384 + 2 * 197 * 384 * 1536
    let blocks = 12 * (layers + 2 * 197 * 197 * 384)
    #expect(none.macs == 196 * 768 * 384 + blocks + 384 * 1000)
    #expect(none.macs == DryRun.macs(a, none.composition))
    #expect(none.model.info.parameters == 22_050_664)
    let reduced = try Self.pass(a, ("tail_effect", ["r": .integer(98)]), batchSize: 1)
    #expect(abs(Double(reduced.macs) / Double(none.macs) - 0.63) < 0.01)
  }

  @Test func `queries, keys and values are computed once if tokens are merged before attention`()
    throws
  {
    let a = Self.architectures[0]
    let pass = try Self.pass(
      a, ("mctf", ["r": .integer(5), "least": .integer(8)]), batchSize: 2)
    let (c, steps) = (a.embedDim, pass.composition.steps)
    #expect(!steps.isEmpty && steps.allSatisfy { $0.position == .insideAttention })
    var (tokens, macs) = (37, 36 * 3 * 8 * 8 * c + c * 7)
    for block in 0..<a.depth {
      let left = steps.first { $0.block == block }?.tokensOut ?? tokens
      // Queries, keys and the map of all tokens; everything else of the remaining ones.
      macs += 2 * tokens * c * c + tokens * tokens * c
      macs += left * c * c + left * left * c + left * c * c + 8 * left * c * c
      tokens = left
    }
    #expect(pass.macs == macs)
  }

  @Test(arguments: [
    ("deit_tiny_patch16_224", 5_717_416), ("deit_base_patch16_224", 86_567_656),
    ("deit_small_distilled_patch16_224", 22_436_432), ("vit_large_patch16_224", 304_326_632),
  ])
  func `registry models have the published parameter counts`(name: String, count: Int) throws {
    let entry = try #require(ModelRegistry.entry(named: name))
    #expect(entry.info.parameters == count)
  }

  @Test func `weights that do not fit give one error with all problems`() throws {
    let a = Self.architectures[0]
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
    defer { try? FileManager.default.removeItem(at: url) }
    try SafetensorsWriter.write(
      [
        "cls_token": .init(shape: [1, 1, 16], floats: Array(repeating: 0, count: 16)),
        "fc.weight": .init(shape: [1], floats: [0]),
      ], to: url)
    do {
      _ = try a.load(
        name: "tiny", weights: .file(url), backend: CPUBackend(threads: 1))
      Issue.record("no error")
    } catch let error as VisionModelsError {
      let text = error.description
      #expect(text.hasPrefix("\(url.path): does not fit tiny, whose tensors carry timm's names: "))
      #expect(text.contains("55 missing (pos_embed, patch_embed.proj.weight"))
      #expect(text.contains("1 not known (fc.weight)"))
      #expect(text.contains("1 of another shape (cls_token is [1, 1, 16], not [1, 1, 32])"))
    }
  }
}
