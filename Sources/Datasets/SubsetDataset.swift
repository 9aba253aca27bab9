import ImageCoding
import Records
import Support
import Tensors

/// A part of another data set: a seeded sample with equally many images of each class.
///
/// The order takes one image of each class in turn, so every prefix is balanced too, and a smaller
/// subset with the same seed is a prefix of a larger one.
package struct SubsetDataset: ImageDataset {
  private let base: any ImageDataset
  /// Places in the base data set, in this one's order.
  package let indices: [Int]
  private let seed: UInt64
  private let isShuffled: Bool

  /// Every image of `base` in random order, regardless of class: a prefix is a random sample
  /// without replacement.
  package init(shuffling base: any ImageDataset, seed: UInt64) {
    self.base = base
    self.seed = seed
    isShuffled = true
    // A random stream different from the one that chooses a subset.
    var random = SplitMix64(seed: SplitMix64.mix(seed ^ 0x5AFE_0DE5_0F1A_CE55))
    indices = shuffled(Array(0..<base.count), using: &random)
  }

  /// At most `limit` pictures of `base`.
  ///
  /// Edge cases: a class with fewer pictures than the others gives all it has.
  package init(_ base: any ImageDataset, limit: Int, seed: UInt64) {
    precondition(limit > 0, "A subset has pictures.")
    self.base = base
    self.seed = seed
    isShuffled = false
    var members: [Int: [Int]] = [:]
    for index in 0..<base.count { members[base.label(at: index), default: []].append(index) }
    var random = SplitMix64(seed: seed)
    var classes = members.keys.sorted().map { shuffled(members[$0] ?? [], using: &random) }
    classes = shuffled(classes, using: &random)
    var chosen: [Int] = []
    var round = 0
    while chosen.count < min(limit, base.count) {
      chosen += classes.compactMap { round < $0.count ? $0[round] : nil }
      round += 1
    }
    indices = Array(chosen.prefix(limit))
  }

  package var name: String { base.name }

  package var layout: String {
    isShuffled
      ? base.layout + "; in random order, seed \(seed)"
      : indices.count == base.count
        ? base.layout
        : base.layout + "; of these \(indices.count), balanced over the classes, seed \(seed)"
  }

  package var classNames: [String] { base.classNames }

  package var count: Int { indices.count }

  /// The content of the chosen images only: changes to the others have no effect.
  package var content: DatasetContent {
    switch base.content {
    case .drawn(let text):
      .drawn(text + "subset \(indices.map(String.init).joined(separator: ","))\n")
    case .files(let root, let files): .files(root: root, indices.map { files[$0] })
    }
  }

  package var warnings: [String] { base.warnings }

  package var validClasses: [Int]? { base.validClasses }

  package var scoring: String? { base.scoring }

  package func label(at index: Int) -> Int { base.label(at: indices[index]) }

  package func rightLabels(at index: Int) -> [Int] { base.rightLabels(at: indices[index]) }

  package func path(at index: Int) -> String { base.path(at: indices[index]) }

  package func decode(
    at index: Int, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<UInt8>
  ) throws {
    try base.decode(at: indices[index], preprocessing: preprocessing, into: output)
  }
}

/// Fisher and Yates's shuffle, written out because the standard library's may change between
/// versions, and a subset may not.
private func shuffled<Element>(
  _ elements: [Element], using random: inout SplitMix64
) -> [Element] {
  var result = elements
  for last in stride(from: result.count - 1, to: 0, by: -1) {
    result.swapAt(last, Int(random.next().multipliedFullWidth(by: UInt64(last + 1)).high))
  }
  return result
}
