import Goldens
import Records
import Tensors
import Testing
import VisionModels
import _TestSupport

/// The choices of published implementations of further methods, index by index.
@Suite struct GoldenMethodTests {
  static func cases(_ methods: Set<String>, with prefix: String) -> [GoldenCase] {
    GoldenCase.all.filter { golden in
      methods.contains(golden.method.name)
        && golden.file.entries.keys.contains { $0.hasPrefix(prefix) }
    }
  }

  /// The blocks of entries such as `assign.4`, with their rows by image.
  private func rows(
    _ golden: GoldenCase, _ name: String
  ) throws -> [(block: Int, rows: [[Int]])] {
    try golden.file.entries.compactMap { key, entry in
      guard key.hasPrefix(name + "."), let block = Int(key.dropFirst(name.count + 1)) else {
        return nil
      }
      let values = try golden.file.integers(key)
      let width = entry.shape[1]
      return (block, (0..<entry.shape[0]).map { Array(values[($0 * width)..<(($0 + 1) * width)]) })
    }
  }

  @Test(arguments: cases(["atc", "dpcknn", "mctf", "ppt"], with: "assign"))
  func `every token is assigned to the same output as in the reference`(golden: GoldenCase) throws {
    let run = try GoldenRun(golden)
    // DPC-KNN clusters only patches, without the class token.
    let skipped = golden.method.name == "dpcknn" ? 1 : 0
    for (block, rows) in try rows(golden, "assign") {
      for (image, expected) in rows.enumerated() {
        var ours = [Int](repeating: -1, count: expected.count)
        for (output, sources) in try #require(run.sources[block])[image].enumerated() {
          for source in sources where source >= skipped {
            ours[source - skipped] = output - skipped
          }
        }
        #expect(ours == expected)
      }
    }
  }

  @Test(arguments: cases(["ats"], with: "kept"))
  func `each image keeps its sampled tokens`(golden: GoldenCase) throws {
    let run = try GoldenRun(golden)
    for (block, rows) in try rows(golden, "kept") {
      for (image, expected) in rows.enumerated() {
        let ours = try #require(run.sources[block])[image].compactMap(\.first)
        #expect(ours == [0] + expected.filter { $0 > 0 })
      }
    }
  }

  @Test(arguments: cases(["ats"], with: "tokens_after"))
  func `sampled tokens match the reference except for padding`(golden: GoldenCase) throws {
    let run = try GoldenRun(golden)
    for (key, entry) in golden.file.entries where key.hasPrefix("tokens_after.") {
      let block = try #require(Int(key.dropFirst(13)))
      let expected = try golden.file.floats(key)
      let ours = try #require(run.tokensAfter[block])
      let (images, width) = (entry.shape[0], entry.shape[2])
      for image in 0..<images {
        let kept = try #require(run.sources[block])[image].count { !$0.isEmpty } * width
        let (theirStart, ourStart) = (image * entry.shape[1] * width, image * ours.count / images)
        #expect(
          largestDifference(
            Array(ours[ourStart..<(ourStart + kept)]),
            Array(expected[theirStart..<(theirStart + kept)])) < 1e-4)
      }
    }
  }

  @Test(arguments: cases(["dpcknn", "kmedoids"], with: ""))
  func `centers match the reference`(golden: GoldenCase) throws {
    let run = try GoldenRun(golden)
    let name = golden.method.name == "dpcknn" ? "centers" : "medoids"
    for (block, rows) in try rows(golden, name) {
      for (image, expected) in rows.enumerated() {
        let ours = try #require(run.sources[block])[image].dropFirst().compactMap(\.first)
        #expect(ours.map { $0 - 1 } == expected)
      }
    }
  }

  @Test(arguments: cases(["pitome"], with: "src_idx"))
  func `each token is merged into the same one`(golden: GoldenCase) throws {
    let run = try GoldenRun(golden)
    let (sources, targets) = (try rows(golden, "src_idx"), try rows(golden, "dst_tok"))
    for (block, rows) in sources {
      let to = try #require(targets.first { $0.block == block }).rows
      for (image, from) in rows.enumerated() {
        let expected = Set(zip(from, to[image]).map { [$0, $1] })
        let ours = try #require(run.sources[block])[image].flatMap { list in
          list.dropFirst().map { [$0, list[0]] }
        }
        #expect(Set(ours) == expected)
      }
    }
  }

  @Test(arguments: cases(["diffrate"], with: "order"))
  func `sorted tokens and their merges match the reference`(golden: GoldenCase) throws {
    let run = try GoldenRun(golden)
    let targets = try rows(golden, "dst_idx")
    for (block, rows) in try rows(golden, "order") {
      for (image, order) in rows.enumerated() {
        let ours = try #require(run.sources[block])[image]
        #expect(ours.compactMap(\.first) == Array(order.prefix(ours.count)))
        guard let target = targets.first(where: { $0.block == block })?.rows[image] else {
          #expect(ours.allSatisfy { $0.count == 1 })
          continue
        }
        let joined = Set(target.enumerated().map { [order[ours.count + $0.offset], $0.element] })
        let found = ours.enumerated().flatMap { output, list in
          list.dropFirst().map { [$0, output] }
        }
        #expect(Set(found) == joined)
      }
    }
  }

  @Test(
    arguments: cases(["atc", "diffrate", "gtp", "mctf", "pitome", "ppt"], with: "size"))
  func `sizes match the reference`(golden: GoldenCase) throws {
    let run = try GoldenRun(golden)
    for key in golden.file.entries.keys where key.hasPrefix("size.") {
      let block = try #require(Int(key.dropFirst(5)))
      let ours = try #require(run.sizes[block])
      let expected = try golden.file.floats(key)
      #expect(ours.count == expected.count)
      #expect(largestDifference(ours, expected) < 1e-4)
    }
  }
}
