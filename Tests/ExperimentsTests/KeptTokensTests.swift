import CPUBackend
import Tensors
import Testing

@testable import Experiments

/// Digests of kept tokens, which must not depend on the order in which a method stores them.
@Suite struct KeptTokensTests {
  private let device: CPUBackend

  init() throws { device = try CPUBackend(threads: 1) }

  /// The sources of each remaining token of one image.
  private func assignment(_ outputs: [[Int32]], of tokens: Int) throws -> TokenAssignment {
    let offsets = try device.allocate(Shape(1, outputs.count + 1), .int32)
    let sources = try device.allocate(Shape(1, tokens), .int32)
    var place: Int32 = 0
    for (output, from) in outputs.enumerated() {
      offsets.integers[output] = place
      for source in from {
        sources.integers[Int(place)] = source
        place += 1
      }
    }
    offsets.integers[outputs.count] = place
    return TokenAssignment(
      offsets: offsets, sources: sources, batchSize: 1, tokensIn: tokens, tokensOut: outputs.count)
  }

  private func digest(_ steps: [[[Int32]]]) throws -> [UInt32]? {
    let kept = KeptTokens()
    var tokens = 6
    for step in steps {
      kept.add(try assignment(step, of: tokens))
      tokens = step.count
    }
    kept.finishBatch()
    return kept.digests
  }

  @Test func `the order of kept tokens does not matter, in later steps neither`() throws {
    // Patches 1, 3 and 5 are kept, then 1 and 3.
    let sorted = try digest([[[0], [1], [3], [5]], [[0], [1], [2]]])
    let ranked = try digest([[[0], [5], [1], [3]], [[0], [3], [2]]])
    let others = try digest([[[0], [5], [1], [3]], [[0], [1], [2]]])
    #expect(sorted?.count == 1)
    #expect(sorted == ranked)
    #expect(sorted != others)
  }

  @Test func `which tokens are merged matters, and in which step`() throws {
    let merged = try digest([[[0], [1, 2], [3], [4], [5]], [[0], [1, 2], [3], [4]]])
    let alike = try digest([[[0], [3], [2, 1], [5], [4]], [[0], [4], [2, 1], [3]]])
    let apart = try digest([[[0], [1, 2], [3], [4], [5]], [[0], [1], [2, 3], [4]]])
    let later = try digest([[[0], [1], [2], [3], [4, 5]], [[0], [1, 2, 3], [4]]])
    #expect(merged == alike)
    #expect(merged != apart)
    #expect(merged != later)
  }

  @Test func `batches are appended`() throws {
    let kept = KeptTokens()
    for outputs in [[[0], [1]], [[0], [2]], [[0], [1]]] as [[[Int32]]] {
      kept.add(try assignment(outputs, of: 6))
      kept.finishBatch()
    }
    let digests = try #require(kept.digests)
    #expect(digests.count == 3 && digests[0] == digests[2] && digests[0] != digests[1])
  }
}
