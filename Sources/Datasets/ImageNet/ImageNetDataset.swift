import Files
import ImageCoding
import Support

/// ImageNet-1k's validation images, in any of the common layouts.
///
/// Class folders (`n01440764/*.JPEG`, or `0/` to `999/` as ImageNetV2 has them), also of a part of
/// the classes; flat files whose names hold the WordNet id, as Hugging Face's copy has them; flat
/// files with the development kit's ground truth, `LOC_val_solution.csv`, `val_map.txt`, `val.txt`,
/// `imagenet_2012_validation_synset_labels.txt` or Tiny ImageNet's `val_annotations.txt` next to or
/// above them; each also in tar archives. Labels are those of torchvision and timm. A folder whose
/// files and labels do not match is refused.
package struct ImageNetDataset: FileDataset {
  package let name = "imagenet"
  package let layout: String
  package let files: LabeledFiles
  package let warnings: [String]

  package var classNames: [String] { ImageNetClasses.names }

  /// The pictures in `folder`, or in its folder `val` if it has none of its own; or those of a tar
  /// archive, or of several.
  ///
  /// - Parameter cacheFolder: Where the lists of archives are kept; `nil` keeps none.
  package init(folder: String, cacheFolder: String? = nil) throws(DatasetError) {
    let given = PathBytes(folder).trimmed
    if let found = try PictureArchives.find(given, preferring: "ILSVRC2012_img_val.tar") {
      let archives = try PictureArchives(
        root: found.root, archives: found.archives, cacheFolder: cacheFolder)
      let parts: [String]
      (files, parts, warnings) = try ImageNetDataset.readArchives(archives)
      try ImageNetDataset.checkBalance(files)
      layout = parts.joined(separator: "; ")
      return
    }
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
    var notes: [String] = []
    if pictures.isEmpty {
      (files, found, leftOut) = try ImageNetDataset.readClassFolders(root, listing)
    } else {
      if ImageNetDataset.isWordNetID(root.name) {
        throw .oneClassFolder(path: "\(root)", parent: "\(root.folder)")
      }
      let labels: [Int]
      (labels, found, notes) = try ImageNetDataset.flatLabels(pictures, nextTo: root)
      files = LabeledFiles(root: root, paths: pictures, labels: labels)
    }
    try ImageNetDataset.checkBalance(files)
    let place = root == given ? "" : " in \(root.name)/"
    layout = ([found + place] + leftOut).joined(separator: "; ")
    warnings = (leftOut + notes).map { "\(root): \($0)" }
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
    if let only = candidates.first {
      // Tiny ImageNet has its validation pictures in val/images.
      let images = folder / only / "images"
      return FolderListing.isFolder(images) ? images : folder / only
    }
    if listing.folders.contains("train") { throw .onlyTraining(path: "\(folder)") }
    return folder
  }

  // MARK: Class folders

  private static func readClassFolders(
    _ root: PathBytes, _ listing: FolderListing
  ) throws(DatasetError) -> (LabeledFiles, String, leftOut: [String]) {
    let folders = listing.folders
    guard !folders.isEmpty else { throw .noImages(path: "\(root)") }
    let labels = ImageNetDataset.labelsOfFolders(folders)
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

  /// The labels of WordNet ids, or of the numbers 0 to 999 if all folders are numbers.
  static func labelsOfFolders(_ folders: [PathBytes]) -> [PathBytes: Int] {
    let numbers = folders.map { folder in
      folder.text.flatMap { $0.allSatisfy(\.isASCII) ? Int($0) : nil }
    }
    if numbers.allSatisfy({ $0.map((0..<1000).contains) ?? false }),
      Set(numbers).count == folders.count
    {
      return Dictionary(uniqueKeysWithValues: zip(folders, numbers.map { $0 ?? 0 }))
    }
    return Dictionary(
      uniqueKeysWithValues: ImageNetClasses.labels.map { (PathBytes($0.key), $0.value) })
  }

  // MARK: Flat files

  /// Labels of pictures without class folders: from their names, or from a ground truth.
  static func flatLabels(
    _ pictures: [PathBytes], nextTo root: PathBytes
  ) throws(DatasetError) -> (labels: [Int], layout: String, notes: [String]) {
    let inNames = pictures.map(labelInName)
    let truths = try GroundTruth.all(for: root)
    let count = counted(pictures.count, "picture")
    if inNames.contains(where: { $0 != nil }) {
      let labels = try zip(pictures, inNames).map { picture, label throws(DatasetError) in
        guard let label else { throw .noClassInName(path: "\(root)", picture: "\(picture)") }
        return label
      }
      for truth in truths { try compare(labels, with: truth, pictures, named: "the files' names") }
      return (
        labels,
        "flat files named by class, \(Set(labels).count) of the 1000 classes, \(count)", []
      )
    }
    guard let truth = truths.first else {
      throw .noGroundTruth(path: "\(root)", looked: GroundTruth.fileNames)
    }
    let labels = try truth.labels(of: pictures)
    for other in truths.dropFirst() {
      try compare(labels, with: other, pictures, named: "\(truth.path)")
    }
    let isPart = pictures.count < truth.listed
    return (
      labels,
      "flat files labeled by \(truth.path.name), \(Set(labels).count) of the 1000 classes, \(count)",
      isPart ? ["\(count) of the \(truth.listed) of the validation set"] : []
    )
  }

  private static func compare(
    _ labels: [Int], with truth: GroundTruth, _ pictures: [PathBytes], named first: String
  ) throws(DatasetError) {
    let others = try truth.labels(of: pictures)
    for (index, picture) in pictures.enumerated() where labels[index] != others[index] {
      throw .groundTruthsDisagree(
        first: first, second: "\(truth.path)", picture: "\(picture)")
    }
  }

  /// 65 for `ILSVRC2012_val_00000001_n01751748.JPEG`, 0 for `n01440764_tench.JPEG`.
  private static func labelInName(_ picture: PathBytes) -> Int? {
    let parts = picture.stem.bytes.split(separator: UInt8(ascii: "_"))
    guard parts.count > 1, let first = parts.first, let last = parts.last else { return nil }
    return [last, first].lazy.compactMap { part in
      ImageNetClasses.labels[String(decoding: part, as: UTF8.self)]
    }.first
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
