import Files
import Foundation

/// A file with the labels of flat images.
struct GroundTruth {
  /// The labels, by the picture's number or by its name.
  private enum Labels {
    /// Of the pictures numbered from 1.
    case numbered([Int])
    /// Of the pictures' names without extension.
    case named([PathBytes: Int])
  }

  let path: PathBytes
  private let labels: Labels

  /// The file names to look for, in this order.
  static let fileNames = [
    "ILSVRC2012_validation_ground_truth.txt", "LOC_val_solution.csv", "val_map.txt", "val.txt",
    "imagenet_2012_validation_synset_labels.txt", "val_annotations.txt",
  ]

  private static let usualFolders: [PathBytes] = [
    "", "devkit/data", "ILSVRC2012_devkit_t12/data", "ILSVRC2012_devkit_t12", "data", "labels",
  ]

  /// Kaggle's table of all training pictures has 20 MB.
  private static let maxBytes = 1 << 28

  /// Every ground truth next to the pictures of `folder`, in the folder above it, at the top of
  /// Kaggle's download, or in a development kit there.
  static func all(for folder: PathBytes) throws(DatasetError) -> [GroundTruth] {
    let working = PathBytes(FileManager.default.currentDirectoryPath)
    var ancestors = [folder.bytes.first == UInt8(ascii: "/") ? folder : working / folder]
    for _ in 0..<4 { ancestors.append(ancestors[ancestors.count - 1].folder) }
    let isKaggle = Array(ancestors[0].bytes.suffix(17)) == Array("/Data/CLS-LOC/val".utf8)
    let parents = (isKaggle ? [0, 1, 3, 4] : [0, 1]).map { ancestors[$0] }
    var found: [GroundTruth] = []
    for parent in parents {
      for place in usualFolders {
        for name in fileNames {
          let path = parent / place / PathBytes(name)
          // A file that cannot be read is reported, not skipped.
          guard let status = FileStatus(of: path), status.kind != .folder else { continue }
          found.append(try GroundTruth(path: path, name: name))
        }
      }
    }
    return found
  }

  private init(path: PathBytes, name: String) throws(DatasetError) {
    self.path = path
    let lines = try GroundTruth.lines(of: path)
    switch name {
    case "ILSVRC2012_validation_ground_truth.txt":
      labels = .numbered(try GroundTruth.challengeIDs(lines, path))
    case "imagenet_2012_validation_synset_labels.txt":
      labels = .numbered(try GroundTruth.wordNetIDs(lines, path))
    case "LOC_val_solution.csv":
      labels = .named(try GroundTruth.solution(lines, path))
    case "val_annotations.txt":
      labels = .named(try GroundTruth.annotations(lines, path))
    default:
      labels = .named(try GroundTruth.map(lines, path))
    }
  }

  // MARK: Labels of pictures

  /// Pictures that it lists.
  var listed: Int {
    switch labels {
    case .numbered(let labels): labels.count
    case .named(let labels): labels.count
    }
  }

  /// Pictures of ImageNet's validation set.
  private static let validationPictures = 50_000

  /// The label of each of the given file names, which must be all that the ground truth lists,
  /// unless that is the whole validation set, of which people keep a part.
  func labels(of pictures: [PathBytes]) throws(DatasetError) -> [Int] {
    var seen: Set<PathBytes> = []
    for picture in pictures where !seen.insert(picture.stem).inserted {
      throw .duplicate(path: "\(path)", picture: "\(picture.stem)")
    }
    let found = try pictures.map { picture throws(DatasetError) in
      guard let label = label(of: picture) else {
        throw .missingFromGroundTruth(path: "\(path)", picture: "\(picture)", listed: listed)
      }
      return label
    }
    guard listed == pictures.count || listed == Self.validationPictures else {
      throw .groundTruthCount(path: "\(path)", listed: listed, pictures: pictures.count)
    }
    return found
  }

  private func label(of picture: PathBytes) -> Int? {
    switch labels {
    case .named(let labels): return labels[picture.stem]
    case .numbered(let labels):
      guard let number = pictureNumber(picture.stem) else { return nil }
      return number > 0 && number <= labels.count ? labels[number - 1] : nil
    }
  }

  // MARK: Kinds of files

  /// The development kit: the challenge's id of each picture, one per line.
  private static func challengeIDs(
    _ lines: [Line], _ path: PathBytes
  ) throws(DatasetError) -> [Int] {
    let byID = ImageNetClasses.labelsOfChallengeIDs
    return try lines.map { line throws(DatasetError) in
      guard let id = line.field.integer, (1...byID.count).contains(id) else {
        throw line.mistake(path, "an id of the challenge, 1 to 1000")
      }
      return byID[id - 1]
    }
  }

  /// A WordNet id per line, in the order of the pictures' numbers.
  private static func wordNetIDs(
    _ lines: [Line], _ path: PathBytes
  ) throws(DatasetError) -> [Int] {
    try lines.map { line throws(DatasetError) in try wordNetLabel(line.field, line, path) }
  }

  /// Kaggle's table: `ImageId,PredictionString`, the second one a WordNet id and a box, or several.
  private static func solution(
    _ lines: [Line], _ path: PathBytes
  ) throws(DatasetError) -> [PathBytes: Int] {
    var labels: [PathBytes: Int] = [:]
    for line in lines where !line.field.bytes.starts(with: "ImageId".utf8) {
      let fields = line.fields(",", maximum: 2)
      guard fields.count == 2,
        let id = Line(number: line.number, bytes: fields[1].bytes[...]).fields(" ").first
      else { throw line.mistake(path, "a picture, a comma and a WordNet id") }
      try insert(try wordNetLabel(id, line, path), for: fields[0], into: &labels, path)
    }
    return labels
  }

  /// Tiny ImageNet's table: a file, a WordNet id and a box, with tabs between them.
  private static func annotations(
    _ lines: [Line], _ path: PathBytes
  ) throws(DatasetError) -> [PathBytes: Int] {
    var labels: [PathBytes: Int] = [:]
    for line in lines {
      let fields = line.fields(" \t")
      guard fields.count >= 2 else { throw line.mistake(path, "a file name and a WordNet id") }
      try insert(try wordNetLabel(fields[1], line, path), for: fields[0], into: &labels, path)
    }
    return labels
  }

  /// `<file> <label>`: the label a place in the sorted WordNet ids, or such an id itself.
  private static func map(
    _ lines: [Line], _ path: PathBytes
  ) throws(DatasetError) -> [PathBytes: Int] {
    var labels: [PathBytes: Int] = [:]
    for line in lines {
      let fields = line.fields(" \t,")
      guard fields.count == 2 else { throw line.mistake(path, "a file name and a label") }
      let number = fields[1].integer
      let label = if let number { number } else { try wordNetLabel(fields[1], line, path) }
      try insert(label, for: fields[0], into: &labels, path)
    }
    try checkNumbers(labels, path)
    return labels
  }

  /// Reports labels that are not 0 to 999, or that are the challenge's ids, whose order is
  /// different.
  private static func checkNumbers(
    _ labels: [PathBytes: Int], _ path: PathBytes
  ) throws(DatasetError) {
    let challengeIDs = [490, 361, 171, 822, 297, 482, 13, 704, 599, 164]
    for first in [0, 1] {
      let matching = challengeIDs.enumerated().filter { (index, id) in
        let name = "ILSVRC2012_val_0000" + (index == 9 ? "0010" : "000\(index + 1)")
        return labels[PathBytes(name)] == id - 1 + first
      }
      if matching.count >= 5 { throw .challengeIDsAsLabels(path: "\(path)") }
    }
    let lowest = labels.values.min() ?? 0
    let highest = labels.values.max() ?? 0
    if lowest < 0 || highest > 999 {
      throw .labelsOutOfRange(path: "\(path)", lowest: lowest, highest: highest)
    }
  }

  // MARK: Parts of lines

  private static func lines(of path: PathBytes) throws(DatasetError) -> [Line] {
    do {
      return Line.lines(of: try RegularFile.contents(of: path, maxBytes: maxBytes))
    } catch {
      throw .unreadableGroundTruth(path: "\(path)", reason: error.reason)
    }
  }

  private static func wordNetLabel(
    _ id: PathBytes, _ line: Line, _ path: PathBytes
  ) throws(DatasetError) -> Int {
    guard let label = id.text.flatMap({ ImageNetClasses.labels[$0] }) else {
      throw .badLine(
        path: "\(path)", line: line.number, found: "\(id)",
        expected: "the WordNet id of one of ImageNet's 1000 classes")
    }
    return label
  }

  private static func insert(
    _ label: Int, for picture: PathBytes, into labels: inout [PathBytes: Int], _ path: PathBytes
  ) throws(DatasetError) {
    guard labels.updateValue(label, forKey: picture.stem) == nil else {
      throw .duplicate(path: "\(path)", picture: "\(picture.stem)")
    }
  }
}

/// A line of a ground truth that is not empty.
///
/// Bytes, as the names of files are.
private struct Line {
  /// Its place in the file, from 1.
  let number: Int
  let bytes: ArraySlice<UInt8>

  /// The whole line.
  var field: PathBytes { PathBytes(bytes: bytes) }

  func fields(_ separators: String, maximum: Int = .max) -> [PathBytes] {
    bytes.split(maxSplits: maximum - 1) { byte in separators.utf8.contains(byte) }
      .map { PathBytes(bytes: $0) }
  }

  func mistake(_ path: PathBytes, _ expected: String) -> DatasetError {
    .badLine(path: "\(path)", line: number, found: "\(field)", expected: expected)
  }

  /// The lines of a file, without surrounding spaces and without a byte-order mark.
  static func lines(of file: [UInt8]) -> [Line] {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D }
    return file.dropFirst(file.starts(with: mark) ? 3 : 0)
      .split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
      .compactMap { index, bytes in
        var line = bytes.drop(while: isBlank)
        while let last = line.last, isBlank(last) { line.removeLast() }
        return line.isEmpty ? nil : Line(number: index + 1, bytes: line)
      }
  }
}

extension PathBytes {
  /// The number in the bytes.
  fileprivate var integer: Int? { text.flatMap { Int($0) } }
}

/// 17 for "ILSVRC2012_val_00000017".
private func pictureNumber(_ stem: PathBytes) -> Int? {
  stem.bytes.lastIndex(of: UInt8(ascii: "_"))
    .flatMap { PathBytes(bytes: stem.bytes[($0 + 1)...]).integer }
}
