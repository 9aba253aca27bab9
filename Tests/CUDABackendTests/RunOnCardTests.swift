import CPUBackend
import Files
import Foundation
import Measurement
import Records
import Tensors
import Testing
import TokenReduction
import VisionModels
import _TestSupport

@testable import CUDABackend

extension CUDASuite {
  /// Passes on the fake card: precisions, graphs, memory, failures.
  @Suite(.serialized) struct RunOnCard {
    init() { FakeMachine.reset() }

    static let architecture = ViTArchitecture(
      imageSize: 32, patchSize: 8, embedDim: 32, depth: 3, numHeads: 2, numClasses: 10)

    static func pass(
      _ backend: any Backend, _ method: String = "none", _ parameters: [String: JSONValue] = [:],
      batchSize: Int = 2, architecture: ViTArchitecture = architecture
    ) throws -> PassRunner {
      let setting = try TokenReductionRegistry.resolve(
        method: try #require(TokenReductionRegistry.method(named: method)), parameters: parameters,
        geometry: architecture.info.tokens)
      let pass = try PassRunner(
        model: try architecture.load(
          weights: .random(seed: 3), backend: backend),
        composition: try TokenReductionRegistry.composition(
          for: setting, geometry: architecture.info.tokens), batchSize: batchSize)
      for (index, value) in randomFloats(pass.input.count, seed: 5).enumerated() {
        pass.input[index] = value
      }
      return pass
    }

    private func logits(
      _ backend: any Backend, _ method: String = "none", _ parameters: [String: JSONValue] = [:]
    ) throws -> [Float] {
      let pass = try Self.pass(backend, method, parameters)
      pass.run()
      try backend.check()
      return Array(pass.logits)
    }

    @Test(arguments: [Precision.float32, .tf32, .float16, .bfloat16])
    func `each precision gives the processor's logits as far as its digits go`(
      precision: Precision
    ) throws {
      let limit: [Precision: Float] = [
        .float32: 1e-4, .tf32: 4e-3, .float16: 1e-2, .bfloat16: 4e-2,
      ]
      let card = try FakeMachine.backend().computing(at: precision)
      #expect(card.precision == precision && card.activationType == precision.storage)
      for (method, parameters) in [
        ("none", [:]), ("tome", ["r": .integer(2)]),
        ("evit", ["keep_rate": .number(0.7), "layers": .array([.integer(1)])]),
      ] as [(String, [String: JSONValue])] {
        let expected = try logits(CPUBackend(threads: 1), method, parameters)
        let found = try logits(card, method, parameters)
        let largest = expected.map(abs).max() ?? 1
        #expect(largestDifference(found, expected) / largest < limit[precision] ?? 0, "\(method)")
      }
    }

    @Test func `a card before tensor cores and with 48 KB for a block computes the same`() throws {
      FakeMachine.behavior.major = 6
      FakeMachine.behavior.minor = 2
      FakeMachine.behavior.shared_bytes = 48 << 10
      FakeMachine.behavior.architectures.0 = 62
      let wide = ViTArchitecture(
        imageSize: 32, patchSize: 8, embedDim: 144, depth: 2, numHeads: 9, numClasses: 10)
      for multiprocessors in [1, 80] as [Int32] {
        FakeMachine.behavior.multiprocessors = multiprocessors
        for precision in [Precision.float32, .float16] {
          let card = try FakeMachine.backend().computing(at: precision)
          let parameters: [String: JSONValue] = ["r": .integer(5), "layer": .integer(0)]
          let passes = try [card, CPUBackend(threads: 1)].map {
            try Self.pass($0, "tail_effect", parameters, batchSize: 1, architecture: wide)
          }
          for pass in passes { pass.run() }
          try card.check()
          let logits = passes.map { Array($0.logits) }
          let largest = logits[1].map(abs).max() ?? 1
          let limit: Float = precision == .float32 ? 1e-4 : 1e-2
          #expect(largestDifference(logits[0], logits[1]) / largest < limit)
        }
      }
    }

    @Test func `a pass is one graph, captured once and replayed`() throws {
      let backend = try FakeMachine.backend()
      let pass = try Self.pass(backend, "topk", ["r": .integer(2)])
      pass.run()
      let (launches, captures) = (FakeMachine.counts.launches, FakeMachine.counts.captures)
      #expect(captures == 1)
      pass.run()
      pass.run()
      #expect(FakeMachine.counts.captures == 1 && FakeMachine.counts.replays == 3)
      #expect(FakeMachine.counts.copies_while_capturing == 0)
      // The first run was once as it is and once as a graph.
      #expect(FakeMachine.counts.launches == launches * 2)
    }

    /// Kernels of ours in one replay, next to four products of each block, that of the patches and
    /// the head.
    private func launches(
      _ method: String, _ parameters: [String: JSONValue] = [:],
      architecture: ViTArchitecture = architecture
    ) throws -> Int {
      let pass = try Self.pass(
        try FakeMachine.backend(), method, parameters, architecture: architecture)
      pass.run()
      let before = FakeMachine.counts
      pass.run()
      let after = FakeMachine.counts
      #expect(after.products - before.products == Int32(4 * architecture.depth + 2))
      return Int(after.launches - before.launches)
    }

    /// Every score, every disposal, and each part of the tail-effect score alone.
    private static let reductions: [(method: String, parameters: [String: JSONValue])] =
      [
        ("none", [:]), ("random", ["r": .integer(5)]), ("topk", ["r": .integer(2)]),
        ("evit", ["keep_rate": .number(0.7), "layers": .array([.integer(1)])]),
        ("tome", ["r": .integer(2)]),
      ]
      + [
        [:], ["feature": .string("none")], ["attention": .boolean(false)],
        ["fused_token": .boolean(false)], ["normalization": .string("batch")],
      ].map {
        ("tail_effect", $0.merging(["r": .integer(5), "layer": .integer(1)]) { $1 })
      }
      + ["random", "class_attention", "tail_effect"].flatMap { score in
        ["drop", "fuse_mean", "fuse_score_sum", "merge"].map { disposal in
          (
            "compose",
            [
              "score": .string(score), "disposal": .string(disposal), "r": .integer(4),
              "layer": .integer(1),
            ]
          )
        }
      }

    @Test(arguments: reductions.indices)
    func `a profiled pass launches what a timed one does`(index: Int) throws {
      let (method, parameters) = Self.reductions[index]
      func launched(_ wrap: (CUDABackend) -> any Backend) throws -> [Substring] {
        FakeMachine.reset()
        let card = try FakeMachine.backend()
        let pass = try Self.pass(wrap(card), method, parameters)
        // A callback keeps the pass from being captured as a graph, which profiled passes never
        // are.
        pass.onBlock = { _, _ in }
        let before = FakeMachine.launched.count
        pass.run()
        try card.check()
        return Array(FakeMachine.launched[before...])
      }
      let plain = try launched { $0 }
      #expect(plain.count > 10)
      #expect(try launched { TimingBackend($0) { .zero } } == plain)
    }

    @Test func `a step of token reduction adds few launches to a pass`() throws {
      // Patches twice, two norms, attention and activation of three blocks, pooling of tokens.
      let plain = 3 + 3 * 4
      #expect(try launches("none") == plain)
      let single: [String: JSONValue] = ["r": .integer(5), "layer": .integer(1)]
      // What tokens receive and hold; then scores, ranks and new tokens.
      #expect(try launches("tail_effect", single) == plain + 2)
      #expect(
        try launches("tail_effect", single.merging(["feature": .string("none")]) { $1 })
          == plain + 2)
      #expect(
        try launches("tail_effect", single.merging(["attention": .boolean(false)]) { $1 })
          == plain + 2)
      #expect(
        try launches("tail_effect", single.merging(["fused_token": .boolean(false)]) { $1 })
          == plain + 2)
      // Class attention and the step in each of three blocks, or in one.
      #expect(try launches("topk", ["r": .integer(2)]) == plain + 3 * 2)
      #expect(
        try launches("evit", ["keep_rate": .number(0.7), "layers": .array([.integer(1)])])
          == plain + 2)
      #expect(try launches("random", ["r": .integer(5)]) == plain + 2)
      // Sizes; keys, pairs, lists and new tokens.
      #expect(try launches("tome", ["r": .integer(2)]) == plain + 1 + 3 * 4)
      // A maximum over the batch, and more tokens than every block can rank again, take one kernel
      // after another.
      #expect(
        try launches("tail_effect", single.merging(["normalization": .string("batch")]) { $1 })
          == plain + 7)
      let large = ViTArchitecture(
        imageSize: 184, patchSize: 8, embedDim: 16, depth: 2, numHeads: 2, numClasses: 10)
      #expect(
        try launches("tail_effect", single, architecture: large)
          == launches("none", architecture: large) + 6)
    }

    @Test func `new images and new image keys reach a graph that was captured before`() throws {
      let backend = try FakeMachine.backend()
      let cpu = try CPUBackend(threads: 1)
      let ours = try Self.pass(backend, "random", ["r": .integer(6)])
      let theirs = try Self.pass(cpu, "random", ["r": .integer(6)])
      for round in 0..<2 as Range<UInt64> {
        for (index, value) in randomFloats(ours.input.count, seed: 20 + round).enumerated() {
          ours.input[index] = value
          theirs.input[index] = value
        }
        for pass in [ours, theirs] {
          [40 + round, 70 + round].withUnsafeBufferPointer { pass.run(imageKeys: $0.baseAddress) }
        }
        #expect(largestDifference(ours.logits, Array(theirs.logits)) < 1e-5)
      }
      try backend.check()
    }

    @Test func `graphs keep the scratch memory that a larger pass then outgrows`() throws {
      let backend = try FakeMachine.backend()
      let small = try Self.pass(backend, batchSize: 1)
      small.run()
      let first = Array(small.logits)
      let large = try Self.pass(backend, batchSize: 3)
      large.run()
      small.run()
      try backend.check()
      #expect(Array(small.logits) == first)
    }

    @Test func `an old driver makes graphs by its own function`() throws {
      FakeMachine.behavior.has_only_old_graphs = 1
      FakeMachine.behavior.driver_version = 11000
      FakeMachine.behavior.nvrtc_major = 11
      FakeMachine.behavior.cublaslt_version = 11000
      let backend = try FakeMachine.backend()
      let pass = try Self.pass(backend)
      pass.run()
      try backend.check()
      #expect(FakeMachine.counts.replays == 1)
    }

    @Test func `everything that was made is destroyed`() throws {
      do {
        let backend = try FakeMachine.backend()
        let half = try backend.computing(at: .float16)
        for card in [backend, half] as [any Backend] {
          let pass = try Self.pass(card, "tail_effect", ["r": .integer(5), "layer": .integer(1)])
          pass.run()
          let recorded = try #require(pass.captured)
          recorded.emptyCache()
          recorded.replayTimed()
          #expect(recorded.deviceTime() != nil)
          try card.check()
        }
        // Two passes, and the trials of the products' algorithms.
        #expect(FakeMachine.counts.captures >= 2)
      }
      #expect(FakeMachine.alive == [:])
    }

    @Test func `a pass that does not fit says what it needs and what there is`() throws {
      FakeMachine.behavior.memory_bytes = 24 << 20
      let backend = try FakeMachine.backend()
      let before = FakeMachine.counts.bytes
      let message = FakeMachine.message { _ = try Self.pass(backend, batchSize: 600) }
      #expect(message.hasPrefix("cuda:0 (Fake card 0): "))
      #expect(message.contains("MiB are needed and"))
      #expect(
        message.hasSuffix(
          "of 24.0 MiB are free; a smaller batch size, a lower precision or a smaller model needs "
            + "less"))
      #expect(FakeMachine.counts.bytes == before)
      // The card is still good.
      #expect(try logits(backend).count == 20)
    }

    @Test func `a lost card says so each time and nothing more is started`() throws {
      let backend = try FakeMachine.backend()
      let pass = try Self.pass(backend)
      pass.run()
      try backend.check()
      FakeMachine.behavior.losing_launch = FakeMachine.counts.launches + 4
      pass.run()
      let sentence =
        "cuda:0 (Fake card 0): starting a pass failed with CUDA_ERROR_LAUNCH_FAILED: unspecified "
        + "launch failure"
      #expect(FakeMachine.message { try backend.check() } == sentence)
      let launches = FakeMachine.counts.launches
      pass.run()
      #expect(FakeMachine.counts.launches == launches)
      #expect(FakeMachine.message { try backend.check() } == sentence)
    }

    @Test func `heads that the kernels cannot take are refused in words`() throws {
      let backend = try FakeMachine.backend()
      let odd = ViTArchitecture(
        imageSize: 32, patchSize: 8, embedDim: 40, depth: 1, numHeads: 2, numClasses: 10)
      let pass = try Self.pass(backend, architecture: odd)
      pass.run()
      #expect(
        FakeMachine.message { try backend.check() }
          == "heads of width 20 are not supported on cuda; a head's width must be a multiple of 8 "
          + "and at most 128")
    }

    @Test func `algorithms are searched once for each shape and kept on disk`() throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "lab-cuda-\(UUID())")
      defer { try? FileManager.default.removeItem(at: folder) }
      func searches() throws -> Int32 {
        let before = FakeMachine.counts.searches
        let backend = try FakeMachine.backend(cache: CacheFolder(folder))
        let pass = try Self.pass(backend)
        pass.run()
        try backend.check()
        return FakeMachine.counts.searches - before
      }
      // Patches, QKV, projection, fc1, fc2 and head; three blocks share theirs.
      #expect(try searches() == 6)
      #expect(try searches() == 0)
    }
  }
}
