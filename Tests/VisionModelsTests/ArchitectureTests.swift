import CPUBackend
import Records
import Support
import Tensors
import Testing
import TokenReduction
import _TestSupport

@testable import VisionModels

/// Valid sizes run; others are refused with one sentence.
@Suite struct ArchitectureTests {
  /// Draws sizes as users write them: mostly small and valid, sometimes wrong.
  private struct Draw {
    var random: SplitMix64

    mutating func pick<T>(_ values: [T]) -> T {
      values[Int(random.next() % UInt64(values.count))]
    }

    /// One of `slips` with a probability of 1/20, else `usual`.
    mutating func rarely<T>(_ slips: [T], _ usual: T) -> T {
      random.next() % 20 == 0 ? pick(slips) : usual
    }

    mutating func architecture() -> ViTArchitecture {
      let patch = rarely([0, -1], pick([1, 2, 4, 7, 8, 16]))
      let heads = pick([1, 1, 2, 3, 5])
      return ViTArchitecture(
        imageSize: patch * pick([1, 1, 2, 3, 4, 6]) + rarely([1], 0), patchSize: patch,
        embedDim: heads * pick([1, 1, 2, 3, 8, 17]) + rarely([1], 0),
        depth: rarely([0], pick([1, 2, 3])), numHeads: heads,
        mlpRatio: rarely([0, -1, .nan, .infinity, 1e308], pick([4, 2.5, 1, 0.5, 0.1, 0.01, 64])),
        hiddenDim: rarely([0, -5], pick([nil, nil, 1, 3])), mlp: pick([.gelu, .swiglu]),
        distilled: pick([false, true]), registers: rarely([-1], pick([0, 1, 4])),
        layerScale: pick([false, true]), head: pick([.token, .tokenAndPatchMean]),
        numClasses: rarely([0], pick([1, 2, 10])),
        pretrainedImageSize: rarely([0], pick([nil, patch, 3 * patch]))
      )
    }

    /// A method whose `r` is often too large.
    mutating func method(_ a: ViTArchitecture) -> (String, [String: JSONValue]) {
      let r = JSONValue.integer(
        pick([0, 1, 2, 5, max(0, a.patches - 1), a.patches, a.patches + 1]))
      let composed: [String: JSONValue] = [
        "score": .string(pick(["random", "class_attention", "tail_effect", "key_similarity"])),
        "disposal": .string(pick(["drop", "fuse_mean", "fuse_score_sum", "merge"])),
        "schedule": .string(pick(["single", "progressive"])), "r": r,
      ]
      return pick([
        ("none", [:]), ("random", ["r": r]), ("topk", ["r": r]), ("tome", ["r": r]),
        ("evit", ["keep_rate": .number(pick([0.1, 0.5, 0.9]))]), ("tail_effect", ["r": r]),
        ("compose", composed),
      ])
    }
  }

  @Test(arguments: 0..<8)
  func `every valid configuration runs with finite results`(seed: Int) throws {
    var draw = Draw(random: SplitMix64(seed: UInt64(seed)))
    let backend = try CPUBackend(threads: 1 + seed % 2)
    var ran = 0
    var refused = 0
    for _ in 0..<250 {
      let architecture = draw.architecture()
      let problems = architecture.problems()
      guard problems.isEmpty else {
        refused += 1
        for problem in problems {
          #expect(!problem.message.isEmpty && !problem.message.contains("\n"))
        }
        continue
      }
      let (name, parameters) = draw.method(architecture)
      let composition: Composition
      do {
        let method = try #require(TokenReductionRegistry.method(named: name))
        composition = try TokenReductionRegistry.composition(
          for: try TokenReductionRegistry.resolve(
            method: method, parameters: parameters, geometry: architecture.info.tokens),
          geometry: architecture.info.tokens)
      } catch let problem as ParameterProblem {
        #expect(!problem.message.isEmpty)
        refused += 1
        continue
      }
      let pass = try PassRunner(
        model: try architecture.load(weights: .random(seed: UInt64(seed)), backend: backend),
        composition: composition, batchSize: 1 + ran % 3)
      for (index, value) in randomFloats(pass.input.count, seed: UInt64(ran)).enumerated() {
        pass.input[index] = value
      }
      pass.run()
      #expect(!pass.logits.contains { !$0.isFinite }, "\(architecture), \(name) \(parameters)")
      ran += 1
    }
    #expect(ran > 20 && refused > 20, "\(ran) ran, \(refused) were refused")
  }

  @Test func `a feed-forward network of width 0 is refused`() {
    let narrow = ViTArchitecture(embedDim: 1, numHeads: 1, mlpRatio: 0.1)
    #expect(narrow.problems().map(\.key) == ["mlp_ratio"])
    #expect(
      narrow.problems().map(\.message) == [
        "0.1 of an embedding of 1 is a feed-forward network of width 0; it must give at least 1"
      ])
  }

  @Test(arguments: [
    ViTArchitecture(imageSize: 8192, patchSize: 1, embedDim: 1, numHeads: 1),
    ViTArchitecture(
      imageSize: 8192, patchSize: 32, embedDim: 65_536, depth: 1024, numHeads: 1,
      hiddenDim: 1_048_576),
    ViTArchitecture(embedDim: .max, numHeads: .max), ViTArchitecture(embedDim: .min, numHeads: -1),
  ])
  func `sizes whose products overflow are refused`(architecture: ViTArchitecture) {
    #expect(!architecture.problems().isEmpty)
  }

  @Test func `a batch beyond the machine's memory is refused before it is allocated`() throws {
    let architecture = ViTArchitecture(
      imageSize: 8192, patchSize: 32, embedDim: 1, depth: 1, numHeads: 1, numClasses: 1)
    #expect(architecture.problems().isEmpty)
    let model = try architecture.load(
      weights: .random(seed: 0), backend: try CPUBackend(threads: 1))
    let composition = try TokenReductionRegistry.composition(
      for: MethodSetting(name: "none", parameters: [:]), geometry: architecture.info.tokens)
    let error = #expect(throws: TensorsError.self) {
      try PassRunner(model: model, composition: composition, batchSize: 65_536)
    }
    #expect(
      error?.description.hasSuffix("bytes cannot be had; a smaller batch size needs less") == true)
  }
}
