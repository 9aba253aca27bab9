import Files

/// Tiny ImageNet's validation images: a folder `images` next to a table of their classes.
struct AnnotatedPictures {
  static let fileName: PathBytes = "val_annotations.txt"
  private static let maxBytes = 1 << 28

  /// The folder of the pictures.
  let folder: PathBytes
  /// File names, sorted.
  let names: [PathBytes]
  /// One per name.
  let classOfName: [PathBytes]
  /// Sorted, as the folders of the training pictures are.
  let classes: [PathBytes]

  /// `nil` if there is no such table.
  ///
  /// - Throws: `DatasetError` if table and images do not match.
  init?(_ root: PathBytes) throws(DatasetError) {
    let table = root / Self.fileName
    guard FileStatus(of: table)?.kind == .file else { return nil }
    let images = root / "images"
    folder = FolderListing.isFolder(images) ? images : root
    names = try FolderListing(folder).pictures
    guard !names.isEmpty else { throw .noImages(path: "\(folder)") }
    let listed = try Self.read(table)
    classOfName = try names.map { name throws(DatasetError) in
      guard let found = listed[name] else {
        throw .missingFromGroundTruth(
          path: "\(table)", picture: "\(name)", listed: listed.count)
      }
      return found
    }
    guard listed.count == names.count else {
      throw .groundTruthCount(path: "\(table)", listed: listed.count, pictures: names.count)
    }
    classes = Set(listed.values).sorted()
  }

  private static func read(_ table: PathBytes) throws(DatasetError) -> [PathBytes: PathBytes] {
    let bytes: [UInt8]
    do { bytes = try RegularFile.contents(of: table, maxBytes: maxBytes) } catch {
      throw .unreadableGroundTruth(path: "\(table)", reason: error.reason)
    }
    var classOfName: [PathBytes: PathBytes] = [:]
    let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let fields = line.split { $0 == 9 || $0 == 32 || $0 == 13 }.map { PathBytes(bytes: $0) }
      if fields.isEmpty { continue }
      guard fields.count >= 2 else {
        throw .badLine(
          path: "\(table)", line: index + 1, found: "\(PathBytes(bytes: line))",
          expected: "a file name and a class")
      }
      guard classOfName.updateValue(fields[1], forKey: fields[0]) == nil else {
        throw .duplicate(path: "\(table)", picture: "\(fields[0])")
      }
    }
    return classOfName
  }
}
