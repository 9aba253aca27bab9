import Foundation
import Records
import Testing

@testable import Experiments

/// Methods whose first blocks are equal compute them once.
@Suite struct SharedBlocksTests {
  private static let methods = [
    #"{"method": "none"}"#, #"{"method": "tail_effect", "r": 12, "layer": 3}"#,
    #"{"method": "tail_effect", "r": 20, "layer": 3}"#, #"{"method": "evit", "keep_rate": 0.6}"#,
    #"{"method": "topk", "r": 3}"#, #"{"method": "random", "r": 9}"#,
    #"{"method": "dct", "keep_rate": 0.9}"#, #"{"method": "gtp", "r": 3}"#,
    #"{"method": "dpcknn", "keep_rate": 0.7}"#, #"{"method": "none_explicit"}"#,
    #"{"method": "compose", "score": "tail_effect", "disposal": "drop", "r": 9, "layer": 4}"#,
  ]

  private func run(_ methods: [String]) throws -> [MethodSetting: AccuracyResult] {
    let folder = try TemporaryFolder()
    let spec = MicroRun.spec("\"methods\": [\(methods.joined(separator: ", "))]")
    let run = try MicroRun(spec, in: folder, only: "accuracy")
    #expect(try run.runner.run().failures == [])
    var found: [MethodSetting: AccuracyResult] = [:]
    for case .accuracy(let trial, var result) in run.store.records.map(\.measurement) {
      result.imagesPerSecond = 0
      found[trial.method] = result
    }
    return found
  }

  @Test func `predictions and kept tokens equal those of separate runs`() throws {
    let together = try run(Self.methods)
    #expect(together.count == Self.methods.count)
    var shared: [String: Int] = [:]
    for method in Self.methods {
      for (setting, alone) in try run([method]) {
        #expect(alone.sharedBlocks == nil)
        var result = try #require(together[setting])
        shared[setting.name] = result.sharedBlocks
        result.sharedBlocks = nil
        #expect(result == alone, "\(setting)")
      }
    }
    // evit starts at a quarter of six blocks.
    #expect(shared["tail_effect"] == 3)
    #expect(shared["evit"] == 1)
    #expect(shared["compose"] == 4)
    // If the first block reduces tokens, or the method reads the embedded tokens, nothing is
    // shared.
    for name in ["none", "none_explicit", "topk", "random", "dct", "gtp"] {
      #expect(shared[name] == nil, "\(name)")
    }
  }

  @Test func `without the baseline, the pass that reduces last is shared`() throws {
    let together = try run([
      #"{"method": "tail_effect", "r": 12, "layer": 2}"#,
      #"{"method": "tail_effect", "r": 12, "layer": 4}"#,
    ])
    let shared = Dictionary(
      uniqueKeysWithValues: together.map {
        ($0.key.parameters["layer"]?.asInt, $0.value.sharedBlocks)
      })
    #expect(shared[4] == .some(nil))
    #expect(shared[2] == 2)
  }
}
