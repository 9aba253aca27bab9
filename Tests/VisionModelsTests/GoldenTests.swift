import Goldens
import Tensors
import Testing
import VisionModels
import _TestSupport

/// Our forward passes against those of timm, POMT, ToMe and EViT on the same weights and images.
///
/// Tolerances: indices exact; logits, features and tokens 1e-4; scores 1e-5 + 1e-4 relative. Each
/// is about ten times the difference between float32 and float64 of the reference itself.
@Suite struct GoldenTests {
  @Test func `every stored case is read`() {
    #expect(GoldenCase.all.count == Fixtures.names(in: "goldens/cases").count)
    #expect(GoldenCase.all.count >= 60)
    for part in ["block_tokens", "kept.", "scores.", "src_idx.", "tokens_after."] {
      #expect(!Self.cases(with: part).isEmpty, "no case stores \(part)")
    }
  }

  /// The cases that store an entry whose key starts with `part`.
  private static func cases(with part: String) -> [GoldenCase] {
    GoldenCase.all.filter { $0.file.entries.keys.contains { $0.hasPrefix(part) } }
  }

  @Test(arguments: GoldenCase.all)
  func `logits and features match the published implementation`(golden: GoldenCase) throws {
    // A case whose images were computed separately must be reproduced in one batch.
    let run = try GoldenRun(golden)
    #expect(largestDifference(run.logits, try golden.file.floats("logits")) < 1e-4)
    var features = try golden.file.floats("features")
    if golden.architecture.distilled {
      let second = try golden.file.floats("features_dist")
      let width = golden.architecture.embedDim
      features = stride(from: 0, to: features.count, by: width).flatMap {
        features[$0..<($0 + width)] + second[$0..<($0 + width)]
      }
    }
    #expect(largestDifference(run.features, features) < 1e-4)
  }

  @Test(arguments: cases(with: "block_tokens"))
  func `the tokens after every block match the reference`(golden: GoldenCase) throws {
    let run = try GoldenRun(golden, batchSize: 1)
    #expect(largestDifference(run.stream, try golden.file.floats("block_tokens")) < 1e-4)
  }

  @Test(arguments: cases(with: "kept.").filter { $0.method.name != "ats" })
  func `the same tokens are kept in the same order`(golden: GoldenCase) throws {
    let run = try GoldenRun(golden)
    let prefix = golden.architecture.prefixTokens
    for (key, entry) in golden.file.entries where key.hasPrefix("kept.") {
      let block = try #require(Int(key.dropFirst(5)))
      let kept = try golden.file.integers(key)
      for (image, sources) in try #require(run.sources[block]).enumerated() {
        let row = Array(kept[(image * entry.shape[1])..<((image + 1) * entry.shape[1])])
        let ours = sources.map { $0[0] }
        #expect(Array(ours[..<prefix]) == Array(0..<prefix))
        #expect(Array(ours[prefix..<(prefix + row.count)]) == row)
      }
      guard golden.file.entries["discarded.\(block)"] != nil else { continue }
      let discarded = try golden.file.integers("discarded.\(block)")
      let fuses = golden.method.parameters["fused_token"] == .boolean(true)
      let ours = try #require(fuses ? run.sources[block]?.compactMap(\.last) : run.dropped[block])
      #expect(ours.flatMap { $0 } == discarded)
    }
  }

  @Test(arguments: cases(with: "scores."))
  func `scores match the reference`(golden: GoldenCase) throws {
    let run = try GoldenRun(golden)
    for (key, entry) in golden.file.entries where key.hasPrefix("scores.") {
      let block = try #require(Int(key.dropFirst(7)))
      let expected = try golden.file.floats(key)
      let ours = try #require(run.scores[block]).flatMap { $0.suffix(entry.shape[1]) }
      let maximum = expected.map(abs).max() ?? 0
      #expect(largestDifference(ours, expected) < 1e-5 + 1e-4 * maximum)
    }
  }

  @Test(
    arguments: cases(with: "src_idx.").filter { golden in
      golden.method.name == "tome" && golden.file.entries.keys.contains { $0.hasPrefix("size") }
    })
  func `the same pairs are merged, with the same sizes`(golden: GoldenCase) throws {
    let run = try GoldenRun(golden)
    for (key, entry) in golden.file.entries where key.hasPrefix("src_idx.") {
      let block = try #require(Int(key.dropFirst(8)))
      let (from, to) = (
        try golden.file.integers(key), try golden.file.integers("dst_idx.\(block)")
      )
      try #require(from.count == to.count)
      let pairs = zip(from, to).map { [2 * $0, 2 * $1 + 1] }
      for (image, sources) in try #require(run.sources[block]).enumerated() {
        let expected = pairs[(image * entry.shape[1])..<((image + 1) * entry.shape[1])]
        let ours = sources.filter { $0.count > 1 }.flatMap { list in
          list.dropFirst().map { [$0, list[0]] }
        }
        #expect(Set(ours) == Set(expected))
      }
      let maxima = try #require(run.nodeMaximum[block])
      #expect(largestDifference(maxima, try golden.file.floats("node_max.\(block)")) < 1e-4)
      #expect(run.sizes[block] == (try golden.file.floats("size.\(block)")))
    }
  }

  @Test(arguments: cases(with: "tokens_").filter { $0.method.name != "ats" })
  func `tokens before and after a reduction match the reference`(golden: GoldenCase) throws {
    let run = try GoldenRun(golden)
    for key in golden.file.entries.keys where key.hasPrefix("tokens_") {
      let parts = key.split(separator: ".")
      let block = try #require(Int(parts[1]))
      let expected = try golden.file.floats(key)
      var ours = try #require(
        parts[0] == "tokens_after" ? run.tokensAfter[block] : run.tokensBefore[block])
      // Clusterings are stored without the class token.
      if ["dpcknn", "kmedoids"].contains(golden.method.name) {
        let (images, width) = (
          golden.file.entries[key]?.shape[0] ?? 1, golden.architecture.embedDim
        )
        let perImage = ours.count / images
        ours = (0..<images).flatMap { ours[($0 * perImage + width)..<(($0 + 1) * perImage)] }
      }
      #expect(ours.count >= expected.count && !expected.isEmpty)
      // Tokens before a reduction are stored only for image 0.
      #expect(largestDifference(ours.prefix(expected.count), expected) < 1e-4)
    }
  }
}
