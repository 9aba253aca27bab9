import Tensors

/// The difference of a pass from a reference: a published pass, or the same pass on the CPU.
package struct PassComparison {
  /// Of the logits, over the largest expected one, in images that keep the expected tokens; of all
  /// images where none does.
  package let relative: Float
  /// The same for a pass without observers, compared with the observed one: a device's graph
  /// compared with its single operations.
  package let unwatched: Float
  /// The number of images that keep, merge or drop other tokens than expected in some block.
  package let differingImages: [Int]
  package let images: Int

  /// - Parameters:
  ///   - logits: Of the watched pass, `[images, classes]` as one list, as all logits here.
  ///   - unwatched: Of the same pass when nothing watched it.
  ///   - differing: Images that keep, merge or drop other tokens than expected.
  init(
    _ logits: [Float], unwatched: [Float], expected: [Float], images: Int, differing: Set<Int>
  ) {
    self.images = images
    differingImages = differing.sorted()
    let classes = expected.count / images
    let largest = max(expected.reduce(0) { max($0, abs($1)) }, .leastNormalMagnitude)
    func apart(_ left: [Float], _ right: [Float], _ counts: (Int) -> Bool) -> Float {
      guard left.count == right.count else { return .infinity }
      return left.indices.reduce(0) { found, index in
        guard counts(index / classes) else { return found }
        let difference = abs(left[index] - right[index]) / largest
        return difference.isFinite ? max(found, difference) : .infinity
      }
    }
    let all = differing.count == images
    relative = apart(logits, expected) { all || !differing.contains($0) }
    self.unwatched = apart(unwatched, logits) { _ in true }
  }

  /// A pass over a golden case against the published one.
  ///
  /// - Throws: What the file's reader throws.
  package init(_ golden: GoldenCase, _ run: GoldenRun) throws {
    self.init(
      run.logits, unwatched: run.unwatchedLogits, expected: try golden.file.floats("logits"),
      images: golden.file.entries["logits"]?.shape[0] ?? 1,
      differing: try Self.differing(golden, run))
  }

  /// Whether it is within the tolerance of the precision: in float32 1e-4 and the same tokens, in
  /// half precision 1e-2.
  ///
  /// bfloat16 has eight bits where float16 has eleven, and gets four times as much; int8 has seven
  /// for the whole range of a row, and gets ten times as much. Rounding may turn a near tie in half
  /// precision, so that an image may keep another token; its logits then say nothing.
  package func isGood(_ precision: Precision) -> Bool {
    guard unwatched <= 1e-6 else { return false }
    return switch precision {
    case .float32: relative <= 1e-4 && differingImages.isEmpty
    case .tf32, .float16: differingImages.count == images || relative <= 1e-2
    case .bfloat16: differingImages.count == images || relative <= 4e-2
    case .int8: differingImages.count == images || relative <= 0.1
    }
  }

  package var text: String {
    let others =
      differingImages.isEmpty
      ? "" : ", other tokens in \(differingImages.count) of \(images) images"
    let graph = unwatched <= 1e-6 ? "" : ", \(unwatched) from the same pass unwatched"
    return "logits within \(relative) of the largest\(others)\(graph)"
  }

  /// Whether two tokens are the same, or so close in score that their order means nothing.
  private static func isNearTie(_ left: Int, _ right: Int, _ scores: [Float]?) -> Bool {
    guard left != right else { return true }
    guard let scores, scores.indices.contains(left), scores.indices.contains(right) else {
      return false
    }
    let (a, b) = (scores[left], scores[right])
    return abs(a - b) <= TokenAgreement.nearTie * max(abs(a), abs(b))
  }

  private static func differing(_ golden: GoldenCase, _ run: GoldenRun) throws -> Set<Int> {
    var differing: Set<Int> = []
    for (key, entry) in golden.file.entries {
      let parts = key.split(separator: ".")
      guard parts.count == 2, let block = Int(parts[1]) else { continue }
      let width = entry.shape.count > 1 ? entry.shape[1] : 0
      func row(_ values: [Int], _ image: Int) -> ArraySlice<Int> {
        values[(image * width)..<((image + 1) * width)]
      }
      let sources = run.sources[block] ?? []
      switch parts[0] {
      case "kept":
        let kept = try golden.file.integers(key)
        let prefix = golden.architecture.prefixTokens
        for image in 0..<entry.shape[0] {
          let ours = sources.indices.contains(image) ? sources[image].compactMap(\.first) : []
          // One method's list begins with the class token, and ends in padding.
          let stored = row(kept, image)
          let expected = stored.first == 0 ? Array(stored.filter { $0 > 0 }) : Array(stored)
          let found = Array(ours.dropFirst(prefix).prefix(expected.count))
          let scores = run.scores[block]?[image]
          if Set(found) != Set(expected)
            || zip(found, expected).contains(where: { !isNearTie($0, $1, scores) })
          {
            differing.insert(image)
          }
        }
      case "src_idx" where golden.method.name == "tome":
        let from = try golden.file.integers(key).map { 2 * $0 }
        let to = try golden.file.integers("dst_idx.\(block)").map { 2 * $0 + 1 }
        for image in 0..<entry.shape[0] {
          let expected = Set(zip(row(from, image), row(to, image)).map { [$0, $1] })
          let ours = sources.indices.contains(image) ? sources[image] : []
          let merged = ours.filter { $0.count > 1 }.flatMap { list in
            list.dropFirst().map { [$0, list[0]] }
          }
          if Set(merged) != expected { differing.insert(image) }
        }
      default: break
      }
    }
    return differing
  }
}
