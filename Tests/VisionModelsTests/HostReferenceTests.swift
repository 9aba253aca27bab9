import CPUBackend
import Records
import Tensors
import Testing
import TokenReduction
import VisionModels
import _TestSupport

/// Reference implementations of scores and disposals on the host, compared with the kernels that
/// override them, and with loops in double precision if there is no published implementation.
@Suite struct HostReferenceTests {
  static let architecture = PassRunnerTests.architectures[1]

  private func pass(
    _ composition: Composition, threads: Int = 2
  ) throws -> PassRunner {
    let model = try Self.architecture.load(
      weights: .random(seed: 5), backend: CPUBackend(threads: threads))
    let pass = try PassRunner(model: model, composition: composition, batchSize: 3)
    PassRunnerTests.fill(pass, images: 0..<3)
    return pass
  }

  private func composition(
    _ method: String, _ parameters: [String: JSONValue]
  ) throws -> Composition {
    try TokenReductionRegistry.composition(
      for: MethodSetting(name: method, parameters: parameters),
      geometry: Self.architecture.info.tokens)
  }

  @Test(
    arguments: PassRunnerTests.settings.filter {
      ["random", "topk", "evit", "tome", "tail_effect", "compose"].contains($0.method)
    }.indices)
  func `reference implementations match the kernels`(index: Int) throws {
    let settings = PassRunnerTests.settings.filter {
      ["random", "topk", "evit", "tome", "tail_effect", "compose"].contains($0.method)
    }
    var reference = try composition(settings[index].method, settings[index].parameters)
    let fused = try pass(reference)
    reference.usesReferences = true
    let plain = try pass(reference)
    var kept: [[Int32]] = []
    func watch(_ event: ReductionEvent) {
      let count = event.assignment.batchSize * event.step.tokensIn
      kept.append((0..<count).map { event.assignment.sources.integers[$0] })
    }
    fused.onReduction = watch
    fused.run()
    let first = kept
    kept = []
    plain.onReduction = watch
    plain.run()
    #expect(plain.operations.contains { $0.kind == .hostReduction })
    #expect(!fused.operations.contains { $0.kind == .hostReduction })
    #expect(largestDifference(Array(fused.logits), Array(plain.logits)) < 1e-5)
    // The order of tokens that will be dropped is irrelevant.
    let prefix = 12
    #expect(first.count == kept.count && !first.isEmpty)
    for (left, right) in zip(first, kept) {
      #expect(left.prefix(prefix) == right.prefix(prefix))
    }
  }

  @Test(arguments: ["branch", "difference"])
  func `representation shift is the length of the MLP's output`(kind: String) throws {
    let parameters: [String: JSONValue] = [
      "layers": .array([.integer(1)]), "shift": .string(kind),
    ]
    let runner = try pass(try composition("representation_shift", parameters))
    let whole = try pass(try composition("none", [:]))
    var (after, scores) = ([Float](), [Float]())
    runner.onReduction = { event in
      let count = event.before.shape.count
      after = (0..<count).map { event.before.floats[$0] }
      scores = (0..<(3 * event.step.tokensIn)).map { event.scores?.floats[$0] ?? .nan }
    }
    runner.run()
    var streams: [Int: [Float]] = [:]
    whole.onBlock = { block, stream in
      streams[block] = (0..<stream.shape.count).map { stream.floats[$0] }
    }
    whole.run()
    #expect(largestDifference(after, try #require(streams[1])) < 1e-6)
    // The tokens before the branch are those that a step inside the block reads.
    let inside = try pass(
      try composition(
        "compose",
        [
          "score": .string("class_attention"), "disposal": .string("drop"), "r": .integer(1),
          "layer": .integer(1),
        ]))
    var before: [Float] = []
    inside.onReduction = { event in
      before = (0..<event.before.shape.count).map { event.before.floats[$0] }
    }
    inside.run()
    #expect(before.count == after.count)
    let width = 32
    for image in 0..<3 {
      for token in 2..<38 {
        let start = (image * 38 + token) * width
        let expected = (0..<width).reduce(0.0) { sum, c in
          let change =
            Double(after[start + c]) - Double(before[start + c])
            - (kind == "difference" ? Double(before[start + c]) : 0)
          return sum + change * change
        }.squareRoot()
        #expect(abs(Double(scores[image * 38 + token]) - expected) < 1e-4 * max(1, expected))
      }
    }
  }
}
