import Files
import ImageCoding
import Support

/// ImageNet-1k's validation pictures, in any of the layouts that people keep them in.
///
/// Class folders (`n01440764/*.JPEG`), also of a part of the classes; or flat files with the
/// development kit's ground truth, `LOC_val_solution.csv`, `val_map.txt`, `val.txt` or
/// `imagenet_2012_validation_synset_labels.txt` beside or above them. Labels are those of
/// torchvision and timm. A folder whose files and labels do not add up is refused.
package struct ImageNetDataset: FileDataset {
  package let name = "imagenet"
  package let layout: String
  package let files: LabeledFiles
  package let warnings: [String]

  package var classNames: [String] { ImageNetClasses.names }

  /// The pictures in `folder`, or in its folder `val` if it has none of its own.
  package init(folder: String) throws(DatasetError) {
    let given = PathBytes(folder).trimmed
    let root = try ImageNetDataset.picturesFolder(given)
    let listing = try FolderListing(root)
    let pictures = listing.pictures
    let classFolders = listing.folders.filter(ImageNetDataset.isWordNetID)
    if let picture = pictures.first, let folder = classFolders.first {
      throw .ambiguousLayout(
        path: "\(root)", first: "pictures (\(picture))", second: "\(folder)/")
    }
    let found: String
    var leftOut: [String] = []
    if pictures.isEmpty {
      (files, found, leftOut) = try ImageNetDataset.readClassFolders(root, listing)
    } else {
      if ImageNetDataset.isWordNetID(root.name) {
        throw .oneClassFolder(path: "\(root)", parent: "\(root.folder)")
      }
      (files, found) = try ImageNetDataset.readFlat(root, pictures)
    }
    try ImageNetDataset.checkBalance(files)
    let place = root == given ? "" : " in \(root.name)/"
    layout = ([found + place] + leftOut).joined(separator: "; ")
    warnings = leftOut.map { "\(root): \($0)" }
  }

  // MARK: Finding the folder

  private static let usualNames: [PathBytes] = [
    "val", "validation", "valid", "ILSVRC2012_img_val", "ILSVRC2012_val", "Data/CLS-LOC/val",
    "ILSVRC/Data/CLS-LOC/val",
  ]

  private static func isWordNetID(_ name: PathBytes) -> Bool {
    name.text.map { ImageNetClasses.isWordNetID($0) } ?? false
  }

  private static func picturesFolder(_ folder: PathBytes) throws(DatasetError) -> PathBytes {
    let listing = try FolderListing(folder)
    let candidates = usualNames.filter { FolderListing.isFolder(folder / $0) }
    let own = listing.pictures.first ?? listing.folders.first(where: isWordNetID)
    if let own {
      guard let other = candidates.first else { return folder }
      throw .ambiguousLayout(path: "\(folder)", first: "\(own)", second: "\(other)/")
    }
    if candidates.count > 1 {
      throw .ambiguousLayout(
        path: "\(folder)", first: "\(candidates[0])/", second: "\(candidates[1])/")
    }
    if let only = candidates.first { return folder / only }
    if listing.folders.contains("train") { throw .onlyTraining(path: "\(folder)") }
    return folder
  }

  // MARK: Class folders

  private static func readClassFolders(
    _ root: PathBytes, _ listing: FolderListing
  ) throws(DatasetError) -> (LabeledFiles, String, leftOut: [String]) {
    let folders = listing.folders
    guard !folders.isEmpty else { throw .noImages(path: "\(root)") }
    let labels = Dictionary(
      uniqueKeysWithValues: ImageNetClasses.labels.map { (PathBytes($0.key), $0.value) })
    let unknown = folders.filter { labels[$0] == nil }
    guard unknown.isEmpty else {
      throw .notImageNetClasses(path: "\(root)", folders: unknown.map { "\($0)" })
    }
    var search = PictureSearch(root: root, classFolders: folders)
    search.leaveOut(of: listing)
    let files = try LabeledFiles(root: root, classFolders: folders, labelOf: labels, &search)
    let classes = folders.count == 1000 ? "1000 classes" : "\(folders.count) of the 1000 classes"
    return (
      files, "class folders, \(classes), \(counted(files.paths.count, "picture"))",
      search.leftOut.phrases
    )
  }

  // MARK: Flat files

  private static func readFlat(
    _ root: PathBytes, _ pictures: [PathBytes]
  ) throws(DatasetError) -> (LabeledFiles, String) {
    let truths = try GroundTruth.all(for: root)
    guard let truth = truths.first else {
      throw .noGroundTruth(path: "\(root)", looked: GroundTruth.fileNames)
    }
    let labels = try truth.labels(of: pictures)
    for other in truths.dropFirst() {
      let otherLabels = try other.labels(of: pictures)
      for (index, picture) in pictures.enumerated() where labels[index] != otherLabels[index] {
        throw .groundTruthsDisagree(
          first: "\(truth.path)", second: "\(other.path)", picture: "\(picture)")
      }
    }
    return (
      LabeledFiles(root: root, paths: pictures, labels: labels),
      "flat files labeled by \(truth.path.name), \(Set(labels).count) of the 1000 classes, "
        + counted(pictures.count, "picture")
    )
  }

  /// The whole validation set has 50 pictures of every class; a shifted or shuffled list has not.
  private static func checkBalance(_ files: LabeledFiles) throws(DatasetError) {
    guard files.paths.count == 50_000 else { return }
    var counts = [Int](repeating: 0, count: 1000)
    for label in files.labels { counts[label] += 1 }
    guard let label = counts.firstIndex(where: { $0 != 50 }) else { return }
    throw .unevenClasses(
      path: "\(files.root)", wordNetID: ImageNetClasses.wordNetIDs[label], count: counts[label])
  }
}
