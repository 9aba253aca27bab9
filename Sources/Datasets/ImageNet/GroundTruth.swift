import Foundation

/// A file that says the labels of flat pictures.
struct GroundTruth {
  /// The labels, by the picture's number or by its name.
  private enum Labels {
    /// Of the pictures numbered from 1.
    case numbered([Int])
    /// Of the pictures' names without extension.
    case named([String: Int])
  }

  let path: String
  private let labels: Labels

  /// What is looked for, in this order.
  static let fileNames = [
    "ILSVRC2012_validation_ground_truth.txt", "LOC_val_solution.csv", "val_map.txt", "val.txt",
    "imagenet_2012_validation_synset_labels.txt",
  ]

  private static let usualFolders = [
    "", "/devkit/data", "/ILSVRC2012_devkit_t12/data", "/ILSVRC2012_devkit_t12", "/data", "/labels",
  ]

  /// Every ground truth beside the pictures of `folder`, in the folder above it, at the top of
  /// Kaggle's download, or in a development kit there.
  static func all(for folder: String) throws(DatasetError) -> [GroundTruth] {
    var ancestors = [URL(filePath: folder).absoluteURL]
    for _ in 0..<4 { ancestors.append(ancestors[ancestors.count - 1].deletingLastPathComponent()) }
    let isKaggle = trimmed(ancestors[0].path).hasSuffix("/Data/CLS-LOC/val")
    let parents = (isKaggle ? [0, 1, 3, 4] : [0, 1]).map { trimmed(ancestors[$0].path) }
    var found: [GroundTruth] = []
    for parent in parents {
      for place in usualFolders {
        for name in fileNames where FolderListing.isFile(parent + place + "/" + name) {
          found.append(try GroundTruth(path: parent + place + "/" + name, name: name))
        }
      }
    }
    return found
  }

  private init(path: String, name: String) throws(DatasetError) {
    self.path = path
    let lines = try GroundTruth.lines(of: path)
    switch name {
    case "ILSVRC2012_validation_ground_truth.txt":
      labels = .numbered(try GroundTruth.challengeIDs(lines, path))
    case "imagenet_2012_validation_synset_labels.txt":
      labels = .numbered(try GroundTruth.wordNetIDs(lines, path))
    case "LOC_val_solution.csv":
      labels = .named(try GroundTruth.solution(lines, path))
    default:
      labels = .named(try GroundTruth.map(lines, path))
    }
  }

  // MARK: Labels of pictures

  /// The label of each of the given file names, which must be all that the ground truth lists.
  func labels(of pictures: [String]) throws(DatasetError) -> [Int] {
    var seen: Set<String> = []
    for picture in pictures where !seen.insert(stem(picture)).inserted {
      throw .duplicate(path: path, picture: stem(picture))
    }
    let listed =
      switch labels {
      case .numbered(let labels): labels.count
      case .named(let labels): labels.count
      }
    let found = try pictures.map { picture throws(DatasetError) in
      guard let label = label(of: picture) else {
        throw .missingFromGroundTruth(path: path, picture: picture, listed: listed)
      }
      return label
    }
    guard listed == pictures.count else {
      throw .groundTruthCount(path: path, listed: listed, pictures: pictures.count)
    }
    return found
  }

  private func label(of picture: String) -> Int? {
    switch labels {
    case .named(let labels): return labels[stem(picture)]
    case .numbered(let labels):
      guard let number = pictureNumber(stem(picture)) else { return nil }
      return number > 0 && number <= labels.count ? labels[number - 1] : nil
    }
  }

  // MARK: Kinds of files

  /// The development kit: the challenge's id of each picture, one per line.
  private static func challengeIDs(
    _ lines: [Substring], _ path: String
  ) throws(DatasetError) -> [Int] {
    let byID = ImageNetClasses.labelsOfChallengeIDs
    return try lines.enumerated().map { (index, line) throws(DatasetError) in
      guard let id = Int(line), (1...byID.count).contains(id) else {
        throw .badLine(
          path: path, line: index + 1, found: String(line),
          expected: "an id of the challenge, 1 to 1000")
      }
      return byID[id - 1]
    }
  }

  /// A WordNet id per line, in the order of the pictures' numbers.
  private static func wordNetIDs(
    _ lines: [Substring], _ path: String
  ) throws(DatasetError) -> [Int] {
    try lines.enumerated().map { (index, line) throws(DatasetError) in
      try wordNetLabel(line, path, index + 1)
    }
  }

  /// Kaggle's table: `ImageId,PredictionString`, the second one a WordNet id and a box, or several.
  private static func solution(
    _ lines: [Substring], _ path: String
  ) throws(DatasetError) -> [String: Int] {
    var labels: [String: Int] = [:]
    for (index, line) in lines.enumerated() where !line.hasPrefix("ImageId") {
      let fields = line.split(separator: ",", maxSplits: 1)
      guard fields.count == 2, let id = fields[1].split(separator: " ").first else {
        throw .badLine(
          path: path, line: index + 1, found: String(line),
          expected: "a picture, a comma and a WordNet id")
      }
      let label = try wordNetLabel(id, path, index + 1)
      try insert(label, for: stem(fields[0]), into: &labels, path)
    }
    return labels
  }

  /// `<file> <label>`: the label a place in the sorted WordNet ids, or such an id itself.
  private static func map(
    _ lines: [Substring], _ path: String
  ) throws(DatasetError) -> [String: Int] {
    var labels: [String: Int] = [:]
    for (index, line) in lines.enumerated() {
      let fields = line.split { $0 == " " || $0 == "\t" || $0 == "," }
      guard fields.count == 2 else {
        throw .badLine(
          path: path, line: index + 1, found: String(line), expected: "a file name and a label")
      }
      let number = Int(fields[1])
      let label = if let number { number } else { try wordNetLabel(fields[1], path, index + 1) }
      try insert(label, for: stem(fields[0]), into: &labels, path)
    }
    try checkNumbers(labels, path)
    return labels
  }

  /// Labels that are not 0 to 999, or that are the challenge's ids, whose order is another.
  private static func checkNumbers(
    _ labels: [String: Int], _ path: String
  ) throws(DatasetError) {
    let challengeIDs = [490, 361, 171, 822, 297, 482, 13, 704, 599, 164]
    for first in [0, 1] {
      let matching = challengeIDs.enumerated().filter { (index, id) in
        labels["ILSVRC2012_val_0000" + (index == 9 ? "0010" : "000\(index + 1)")]
          == id - 1 + first
      }
      if matching.count >= 5 { throw .challengeIDsAsLabels(path: path) }
    }
    let lowest = labels.values.min() ?? 0
    let highest = labels.values.max() ?? 0
    if lowest < 0 || highest > 999 {
      throw .labelsOutOfRange(path: path, lowest: lowest, highest: highest)
    }
  }

  // MARK: Parts of lines

  private static func lines(of path: String) throws(DatasetError) -> [Substring] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw .unreadableGroundTruth(path: path)
    }
    return String(decoding: data, as: UTF8.self)
      .split { $0 == "\n" || $0 == "\r\n" }
      .map { $0.trimmingPrefix { $0 == " " } }
      .filter { !$0.isEmpty }
  }

  private static func wordNetLabel(
    _ id: Substring, _ path: String, _ line: Int
  ) throws(DatasetError) -> Int {
    guard let label = ImageNetClasses.labels[String(id)] else {
      throw .badLine(
        path: path, line: line, found: String(id),
        expected: "the WordNet id of one of ImageNet's 1000 classes")
    }
    return label
  }

  private static func insert(
    _ label: Int, for picture: String, into labels: inout [String: Int], _ path: String
  ) throws(DatasetError) {
    guard labels.updateValue(label, forKey: picture) == nil else {
      throw .duplicate(path: path, picture: picture)
    }
  }
}

/// A file's name without folders and extension.
private func stem(_ path: some StringProtocol) -> String {
  var name = Substring(path)
  if let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) {
    name = name[name.utf8.index(after: slash)...]
  }
  if let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) { name = name[..<dot] }
  return String(name)
}

/// 17 for "ILSVRC2012_val_00000017".
private func pictureNumber(_ stem: String) -> Int? {
  let bytes = stem.utf8
  return bytes.lastIndex(of: UInt8(ascii: "_")).flatMap { Int(stem[bytes.index(after: $0)...]) }
}
