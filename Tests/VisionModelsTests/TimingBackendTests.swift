import CPUBackend
import Records
import Tensors
import Testing
import TokenReduction
import VisionModels
import _TestSupport

@Suite struct TimingBackendTests {
  private final class Clock {
    var ticks = 0
    /// Advances by one millisecond at every call.
    func look() -> Duration {
      ticks += 1
      return .milliseconds(ticks)
    }
  }

  private static func pass(
    _ backend: any Backend, _ architecture: ViTArchitecture,
    _ setting: (method: String, parameters: [String: JSONValue])
  ) throws -> PassRunner {
    let pass = try PassRunner(
      model: try architecture.load(
        weights: .random(seed: 5), backend: backend),
      composition: try TokenReductionRegistry.composition(
        for: MethodSetting(name: setting.method, parameters: setting.parameters),
        geometry: architecture.info.tokens), batchSize: 2)
    PassRunnerTests.fill(pass, images: 0..<2)
    return pass
  }

  @Test(arguments: PassRunnerTests.architectures, PassRunnerTests.settings.indices)
  func `a timed pass is bit-identical, and its arithmetic matches the model`(
    architecture: ViTArchitecture, index: Int
  ) throws {
    let setting = PassRunnerTests.settings[index]
    let (backend, clock) = (try CPUBackend(threads: 2), Clock())
    let timing = TimingBackend(backend, now: clock.look)
    let plain = try Self.pass(backend, architecture, setting)
    let timed = try Self.pass(timing, architecture, setting)
    plain.run()
    timing.reset()
    timed.run()
    #expect(Array(timed.logits) == Array(plain.logits))
    // A model's MACs do not include the arithmetic of the reduction itself.
    let flops = timing.totals.filter { !$0.key.isReduction }.values.reduce(0) { $0 + $1.cost.flops }
    #expect(flops == 2 * timed.batchSize * timed.macs)
    for total in timing.totals.values {
      #expect(total.time == .milliseconds(total.calls))
      #expect(total.cost.bytes > 0)
    }
  }

  @Test func `each kind of operation is counted where it occurs`() throws {
    let architecture = PassRunnerTests.architectures[0]
    let clock = Clock()
    let timing = TimingBackend(try CPUBackend(threads: 1), now: clock.look)
    let pass = try Self.pass(timing, architecture, ("tail_effect", ["r": .integer(14)]))
    timing.reset()
    pass.run()
    let calls = timing.totals.mapValues(\.calls)
    #expect(
      calls == [
        .upload: 1, .patchEmbedding: 1, .qkv: 4, .attention: 3, .scoredAttention: 1,
        .projection: 4, .feedForward: 4, .reduction: 1, .poolTokens: 1, .head: 1, .download: 1,
      ])
    // Blocks 0 and 1 have 37 tokens, 2 and 3 have 23: rows of 32 in and of 96 out, plus a layer and
    // its norm.
    let layer = 32 * 96 + 96 + 2 * 32
    let rows = 2 * 2 * (37 + 23)
    #expect(timing.totals[.qkv]?.cost.bytes == 4 * (rows * (32 + 96) + 4 * layer))
    #expect(timing.totals[.qkv]?.cost.flops == 2 * rows * 32 * 96)
    timing.reset()
    #expect(timing.totals.isEmpty)
  }
}
