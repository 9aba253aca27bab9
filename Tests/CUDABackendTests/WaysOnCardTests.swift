import CFakeCUDA
import CPUBackend
import Files
import Foundation
import ImageCoding
import Records
import Tensors
import Testing
import TokenReduction
import VisionModels
import _TestSupport

@testable import CUDABackend

extension CUDASuite {
  /// Which kernels a pass takes, and that every way gives the same.
  @Suite(.serialized) struct WaysOnCard {
    init() { FakeMachine.reset() }

    private typealias Run = RunOnCard
    private static var architecture: ViTArchitecture { Run.architecture }

    /// Makes a backend take one way of those that there are.
    private func card(
      _ precision: Precision, preferring way: String, batchSize: Int = 2, gelu: String = "auto"
    ) throws -> CUDABackend {
      let card = try #require(
        try FakeMachine.backend().using(engine: gelu).computing(at: precision) as? CUDABackend)
      let a = Self.architecture
      let rows = batchSize * a.info.tokens.tokens
      for (layer, outputs, ways) in [
        ("norm+linear", 3 * a.embedDim, ["library", "norm-gemm"]),
        ("fc1+gelu", 4 * a.embedDim, ["library", "gemm", "wgmma-128", "norm-gemm"]),
        ("fc1+tanh-gelu", 4 * a.embedDim, ["library", "gemm", "wgmma-128", "norm-gemm"]),
      ] {
        let place = CUDABackend.WayPlace(
          layer: layer, inputs: a.embedDim, outputs: outputs, ways: ways)
        card.chosenWays[place] = [rows: ways.firstIndex(of: way) ?? 0]
      }
      return card
    }

    private func replay(_ card: CUDABackend) throws -> (nodes: Int, logits: [Float]) {
      let pass = try Run.pass(card)
      pass.run()
      let before = FakeMachine.counts
      pass.run()
      try card.check()
      let after = FakeMachine.counts
      return (
        Int(after.launches - before.launches + after.products - before.products),
        Array(pass.logits)
      )
    }

    @Test(arguments: [Precision.float16, .bfloat16])
    func `a block is eight nodes, six or five, and says the same`(precision: Precision) throws {
      let reference = try Run.pass(CPUBackend(threads: 1))
      reference.run()
      let expected = Array(reference.logits)
      let largest = expected.map(abs).max() ?? 1
      // Patches twice with their product, the pooling of tokens and the head.
      let ends = 5
      for (way, perBlock) in [("library", 8), ("gemm", 7), ("wgmma-128", 7), ("norm-gemm", 5)] {
        FakeMachine.reset()
        let (nodes, logits) = try replay(try card(precision, preferring: way))
        #expect(nodes == ends + perBlock * Self.architecture.depth, "\(way)")
        let limit: Float = precision == .float16 ? 1e-2 : 4e-2
        #expect(largestDifference(logits, expected) / largest < limit, "\(way)")
      }
    }

    @Test func `a trial's choice is kept on disk`() throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "lab-ways-\(UUID())")
      defer { try? FileManager.default.removeItem(at: folder) }
      func chosen() throws -> [CUDABackend.WayPlace: [Int: Int]] {
        let card = try #require(
          try FakeMachine.backend(cache: CacheFolder(folder)).computing(at: .float16)
            as? CUDABackend)
        let pass = try Run.pass(card)
        pass.run()
        try card.check()
        return card.chosenWays
      }
      var launches: [Int32] = []
      func counted() throws -> [CUDABackend.WayPlace: [Int: Int]] {
        let before = FakeMachine.counts.launches
        let ways = try chosen()
        launches.append(FakeMachine.counts.launches - before)
        return ways
      }
      let first = try counted()
      #expect(Set(first.keys.map(\.layer)) == ["norm+linear", "fc1+gelu"])
      #expect(try counted() == first)
      #expect(try counted() == first)
      // Without a trial only a pass and its capture are left, each time the same launches; how many
      // a trial adds depends on how fast the machine is.
      #expect(launches[1] < launches[0] && launches[2] == launches[1])
    }

    /// One way writes the right numbers, one others, one fails, and one writes nothing.
    @Test(arguments: [Precision.float16, .bfloat16])
    func `a way with another result is never used, and a sentence says so`(
      precision: Precision
    ) throws {
      let card = try #require(try FakeMachine.backend().computing(at: precision) as? CUDABackend)
      let (rows, columns) = (40, 30)
      func tensor(_ change: (Int, Float) -> Float) throws -> Tensor {
        let tensor = try card.allocate(Shape(rows, columns), .float32)
        let values = randomFloats(rows * columns, seed: 1).enumerated().map(change)
        values.withUnsafeBufferPointer { card.upload($0, to: tensor) }
        return tensor
      }
      let right = try tensor { $1 }
      // One number of many differs by more than rounding allows.
      let other = try tensor { $0 == 1007 ? $1 + 0.25 : $1 }
      let near = try tensor { index, value in value * (index % 2 == 0 ? 1.0005 : 0.9995) }
      let output = try card.allocate(Shape(rows, columns), card.activationType)
      let kernel = precision == .float16 ? "convert_f32_f16" : "convert_f32_bf16"
      func way(_ name: String, _ source: Tensor, kernel: String) -> CUDABackend.Way {
        CUDABackend.Way(name: name) {
          card.launch(
            kernel, grid: (1, 1, 1), block: 256, .tensor(source), .tensor(output),
            .long(rows * columns))
        }
      }
      let linear = LinearParameters(
        weight: right, bias: right, inputs: 8, outputs: columns)
      func run() throws -> [Float] {
        card.runFastest(
          "test", rows: rows, linear,
          [
            way("library", right, kernel: kernel), way("other", other, kernel: kernel),
            way("near", near, kernel: kernel), way("absent", right, kernel: "no_such_kernel"),
            CUDABackend.Way(name: "idle") {},
          ], into: output.storage.address)
        try card.check()
        var found = [Float](repeating: 0, count: rows * columns)
        found.withUnsafeMutableBufferPointer { card.download(output, to: $0) }
        try card.check()
        return found
      }
      _ = try run()
      let place = try #require(card.chosenWays.keys.first)
      let chosen = try #require(card.chosenWays[place]?[rows])
      #expect(["library", "near"].contains(place.ways[chosen]))
      #expect(Set(card.refusedWays.keys) == ["other", "absent", "idle"])
      #expect(card.refusedWays["idle"]?.contains("by inf") == true)
      let reason = try #require(card.refusedWays["other"])
      #expect(
        reason.hasPrefix(
          "other is not used: test \(columns)x8 over \(rows) rows differs from the library's by "))
      #expect(
        card.refusedWays["absent"]?.hasPrefix(
          "absent is not used: test \(columns)x8 over \(rows) rows: \(card.card.title): starting "
            + "no_such_kernel failed") == true)
      #expect(card.libraryDescription.contains("; other is not used: "))
      // Also where a choice that was stored before says so, and in every layer from here on.
      card.chosenWays[place] = [rows: 1]
      let expected = randomFloats(rows * columns, seed: 1)
      let again = try run()
      #expect(largestDifference(again, expected) < 4e-3)
      #expect(FakeMachine.message { try card.check() } == "no error")
    }

    /// A residual that is the output, too, leaves nothing to try.
    @Test func `a GEMM that was refused is not used without a trial either`() throws {
      let card = try CardNumbers(.float16, 4e-3)
      let (rows, inputs, outputs) = (20, 24, 16)
      let (x, weight) = (
        card.numbers(rows * inputs, seed: 1), card.numbers(inputs * outputs, seed: 2)
      )
      let (bias, added) = (
        randomFloats(outputs, seed: 3), card.numbers(rows * outputs, seed: 4)
      )
      let linear = try weight.withUnsafeBufferPointer { weight in
        try bias.withUnsafeBufferPointer {
          try card.backend.makeLinear(
            weight: weight, bias: $0, inputs: inputs, outputs: outputs)
        }
      }
      let input = TensorView(try card.tensor(x, Shape(rows, inputs)))
      let expected = ReferenceOps.linear(x, weight, bias, inputs: inputs).enumerated().map {
        $1 + Double(added[$0])
      }
      for isRefused in [false, true] {
        if isRefused { card.backend.refusedWays["gemm"] = "gemm is not used: a test says so" }
        let output = try card.tensor(added, Shape(rows, outputs))
        let view = TensorView(output)
        let launched = FakeMachine.launched.count
        card.backend.linear(input, linear, Epilogue(.identity, residual: view), into: view)
        card.expectNear(try card.values(output), expected, "\(isRefused)")
        #expect(
          FakeMachine.launched[launched...].contains { $0.hasPrefix("gemm_") } == !isRefused)
      }
    }

    @Test func `only compute capability 9.0 has products of warpgroups`() throws {
      for (major, minor, nvrtc, has) in [
        (9, 0, 13, true), (9, 0, 11, false), (10, 0, 13, false), (8, 0, 13, false),
      ] as [(Int32, Int32, Int32, Bool)] {
        FakeMachine.reset()
        FakeMachine.behavior.major = major
        FakeMachine.behavior.minor = minor
        if nvrtc < 12 {
          FakeMachine.behavior.nvrtc_major = nvrtc
          FakeMachine.behavior.driver_version = 11080
          FakeMachine.behavior.cublaslt_version = 111103
        }
        let card = try #require(
          try FakeMachine.backend().computing(at: .float16) as? CUDABackend)
        let ways = card.ownGEMMs(rows: 197, outputs: 1536) { _ in }.map(\.name)
        #expect(ways == (has ? ["gemm", "wgmma-128", "wgmma-256"] : ["gemm"]), "\(major) \(nvrtc)")
        let narrow = card.ownGEMMs(rows: 197, outputs: 100) { _ in }.map(\.name)
        #expect(narrow == (has ? ["gemm", "wgmma-128"] : ["gemm"]))
      }
    }

    @Test func `kernels begin before the one before has ended, where a card and its driver can`()
      throws
    {
      for (major, driver, overlaps) in [(9, 13000, true), (9, 12020, false), (8, 13000, false)] {
        FakeMachine.reset()
        FakeMachine.behavior.major = Int32(major)
        FakeMachine.behavior.driver_version = Int32(driver)
        if driver < 13000 {
          FakeMachine.behavior.nvrtc_major = 12
          FakeMachine.behavior.cublaslt_version = 120200
        }
        let (_, logits) = try replay(try card(.float16, preferring: "norm-gemm"))
        #expect(logits.allSatisfy { $0.isFinite })
        #expect((FakeMachine.counts.overlaps > 0) == overlaps, "\(major), \(driver)")
      }
    }

    @Test func `the approximated GELU is the library's, and another result`() throws {
      for precision in [Precision.float32, .float16] {
        FakeMachine.reset()
        let exact = try replay(try card(precision, preferring: "library")).logits
        #expect(FakeMachine.counts.activations == 0)
        let card = try card(precision, preferring: "library", gelu: CUDABackend.tanhGELU)
        #expect(card.engine == "tanh_gelu")
        let launched = FakeMachine.launched.count
        let (nodes, logits) = try replay(card)
        #expect(nodes == 5 + 7 * Self.architecture.depth)
        #expect(FakeMachine.counts.activations > 0)
        #expect(!FakeMachine.launched[launched...].contains { $0.hasPrefix("gelu_") })
        let largest = exact.map(abs).max() ?? 1
        let difference = largestDifference(logits, exact) / largest
        #expect(difference > 0 && difference < 2e-2)
        guard precision == .float16 else { continue }
        // A GEMM of ours ends with the same function.
        for way in ["gemm", "wgmma-128", "norm-gemm"] {
          FakeMachine.reset()
          let own = try replay(try self.card(precision, preferring: way, gelu: "tanh_gelu")).logits
          #expect(largestDifference(own, logits) / largest < 1e-2, "\(way)")
        }
      }
    }

    @Test func `a library that cannot end with GELU leaves it to a kernel`() throws {
      let card = try card(.float32, preferring: "library", gelu: CUDABackend.tanhGELU)
      let fused = try replay(card).logits
      FakeMachine.reset()
      FakeMachine.behavior.lacks_gelu = 1
      let other = try self.card(.float32, preferring: "library", gelu: CUDABackend.tanhGELU)
      let (nodes, logits) = try replay(other)
      #expect(nodes == 5 + 8 * Self.architecture.depth)
      #expect(largestDifference(logits, fused) < 1e-5)
    }

    @Test func `pixels that the card normalizes are the processor's to the last bit`() throws {
      let card = try FakeMachine.backend()
      let preprocessing = Preprocessing(
        resize: 32, crop: 32, interpolation: .bicubic, mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225])
      let normalization = PixelNormalization(preprocessing)
      let pixels = (0..<(2 * 32 * 32 * 3)).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 / 256) }
      var expected = [Float](repeating: 0, count: pixels.count)
      pixels.withUnsafeBufferPointer { from in
        expected.withUnsafeMutableBufferPointer { normalization.apply(to: from, into: $0) }
      }
      #expect(card.normalizesPixels)
      let images = try card.allocate(Shape(2, 3, 32, 32), .float32)
      pixels.withUnsafeBufferPointer { pixels in
        normalization.table.withUnsafeBufferPointer {
          card.upload(pixels, normalizedBy: $0, to: images)
        }
      }
      var found = [Float](repeating: 0, count: pixels.count)
      found.withUnsafeMutableBufferPointer { card.download(images, to: $0) }
      try card.check()
      #expect(found == expected)

      // And through a pass, captured before.
      let passes = [try Run.pass(card), try Run.pass(CPUBackend(threads: 1))]
      passes[0].run()
      pixels.withUnsafeBufferPointer { pixels in
        normalization.table.withUnsafeBufferPointer {
          passes[0].run(pixels: pixels, normalizedBy: $0)
        }
      }
      _ = passes[1].input.update(from: expected)
      passes[1].run()
      // The logits lie in memory of the passes.
      withExtendedLifetime(passes) {
        #expect(largestDifference(Array(passes[0].logits), Array(passes[1].logits)) < 1e-4)
      }
    }
  }
}
