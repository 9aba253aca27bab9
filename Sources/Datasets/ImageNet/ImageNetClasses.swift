/// The labels of ImageNet-1k.
package enum ImageNetClasses {
  /// The WordNet id of every label: sorted, as torchvision and timm label them.
  package static let wordNetIDs: [String] = lines.map { String($0.prefix(9)) }

  /// The WordNet names of every label, such as "tench, Tinca tinca".
  package static let names: [String] = lines.map { String($0.dropFirst(10)) }

  /// The label of a WordNet id.
  package static let labels: [String: Int] = Dictionary(
    uniqueKeysWithValues: zip(wordNetIDs, 0...))

  /// The label of the challenge's ids, which start at 1: entry 0 belongs to id 1.
  package static let labelsOfChallengeIDs: [Int] =
    imageNetLabelsOfChallengeIds.split { $0 == " " || $0 == "\n" }.compactMap { Int($0) }

  /// Whether a folder is named as a WordNet noun: "n" and eight digits.
  static func isWordNetID(_ name: some StringProtocol) -> Bool {
    name.utf8.count == 9 && name.utf8.first == UInt8(ascii: "n")
      && name.utf8.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }

  private static let lines = imageNetClassList.split(separator: "\n")
}
