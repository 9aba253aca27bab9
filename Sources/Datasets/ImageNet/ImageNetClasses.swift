/// The 1,000 classes of ImageNet-1k in the order of their labels.
///
/// Facts of the challenge: ILSVRC 2012, https://image-net.org/challenges/LSVRC/2012, in the order
/// of the sorted ids, which torchvision and timm label by. Names: WordNet 3.0, copyright 2006 by
/// Princeton University, https://wordnet.princeton.edu/license-and-commercial-use.
package enum ImageNetClasses {
  /// The WordNet id of every label: sorted, as torchvision and timm label them.
  package static let wordNetIDs: [String] = lines.map { String($0.prefix(9)) }

  /// The WordNet names of every label, such as "tench, Tinca tinca".
  package static let names: [String] = lines.map { String($0.dropFirst(10)) }

  /// The label of a WordNet id.
  package static let labels: [String: Int] = Dictionary(
    uniqueKeysWithValues: zip(wordNetIDs, 0...))

  /// The label of the challenge's ids, which start at 1: entry 0 belongs to id 1.
  ///
  /// The ids are not the order of the labels. Facts of the challenge: `map_clsloc.txt` in the
  /// development kit of its classification task.
  package static let labelsOfChallengeIDs: [Int] = EmbeddedText.imagenet_challenge_labels_txt
    .split { $0 == " " || $0 == "\n" }.compactMap { Int($0) }

  /// Whether a folder is named as a WordNet noun: "n" and eight digits.
  static func isWordNetID(_ name: some StringProtocol) -> Bool {
    name.utf8.count == 9 && name.utf8.first == UInt8(ascii: "n")
      && name.utf8.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }

  private static let lines = EmbeddedText.imagenet_classes_txt.split(separator: "\n")
}
