import Foundation
import ImageCoding

/// ImageNet-1k's validation pictures, in any of the layouts that people keep them in.
///
/// Class folders (`n01440764/*.JPEG`), also of a part of the classes; or flat files with the
/// development kit's ground truth, `LOC_val_solution.csv`, `val_map.txt`, `val.txt` or
/// `imagenet_2012_validation_synset_labels.txt` beside or above them. Labels are those of torchvision and
/// timm. A folder whose files and labels do not add up is refused.
package struct ImageNetDataset: FileDataset {
  package let name = "imagenet"
  package let layout: String
  package let files: LabelledFiles

  package var classNames: [String] { ImageNetClasses.names }

  /// The pictures in `folder`, or in its folder `val` if it has none of its own.
  package init(folder: String) throws(DatasetError) {
    let root = try ImageNetDataset.picturesFolder(trimmed(folder))
    let listing = try FolderListing(root)
    let pictures = listing.pictures
    let classFolders = listing.folders.filter(ImageNetClasses.isWordNetID)
    if let picture = pictures.first, let folder = classFolders.first {
      throw .ambiguousLayout(path: root, first: "pictures (\(picture))", second: folder + "/")
    }
    let found: String
    if pictures.isEmpty {
      (files, found) = try ImageNetDataset.readClassFolders(root, listing.folders)
    } else {
      (files, found) = try ImageNetDataset.readFlat(root, pictures)
    }
    try ImageNetDataset.checkBalance(files)
    let place = root == trimmed(folder) ? "" : " in \(root.split(separator: "/").last ?? "")/"
    layout = found + place
  }

  // MARK: Finding the folder

  private static let usualNames = [
    "val", "validation", "valid", "ILSVRC2012_img_val", "ILSVRC2012_val", "Data/CLS-LOC/val",
    "ILSVRC/Data/CLS-LOC/val",
  ]

  private static func picturesFolder(_ folder: String) throws(DatasetError) -> String {
    let listing = try FolderListing(folder)
    let candidates = usualNames.filter { FolderListing.isFolder(folder + "/" + $0) }
    let own = listing.pictures.first ?? listing.folders.first(where: ImageNetClasses.isWordNetID)
    if let own {
      guard let other = candidates.first else { return folder }
      throw .ambiguousLayout(path: folder, first: own, second: other + "/")
    }
    if candidates.count > 1 {
      throw .ambiguousLayout(
        path: folder, first: candidates[0] + "/", second: candidates[1] + "/")
    }
    if let only = candidates.first { return folder + "/" + only }
    if listing.folders.contains("train") { throw .onlyTraining(path: folder) }
    return folder
  }

  // MARK: Class folders

  private static func readClassFolders(
    _ root: String, _ folders: [String]
  ) throws(DatasetError) -> (LabelledFiles, String) {
    guard !folders.isEmpty else { throw .noImages(path: root) }
    let unknown = folders.filter { ImageNetClasses.labels[$0] == nil }
    guard unknown.isEmpty else { throw .notImageNetClasses(path: root, folders: unknown) }
    let files = try LabelledFiles(
      root: root, classFolders: folders, labelOf: ImageNetClasses.labels)
    let classes = folders.count == 1000 ? "1000 classes" : "\(folders.count) of the 1000 classes"
    return (files, "class folders, \(classes), \(files.paths.count) pictures")
  }

  // MARK: Flat files

  private static func readFlat(
    _ root: String, _ pictures: [String]
  ) throws(DatasetError) -> (LabelledFiles, String) {
    let truths = try GroundTruth.all(for: root)
    guard let truth = truths.first else {
      throw .noGroundTruth(path: root, looked: GroundTruth.fileNames)
    }
    let labels = try truth.labels(of: pictures)
    for other in truths.dropFirst() {
      let otherLabels = try other.labels(of: pictures)
      for (index, picture) in pictures.enumerated() where labels[index] != otherLabels[index] {
        throw .groundTruthsDisagree(first: truth.path, second: other.path, picture: picture)
      }
    }
    let file = truth.path.split(separator: "/").last ?? ""
    return (
      LabelledFiles(root: root, paths: pictures, labels: labels),
      "flat files labelled by \(file), \(Set(labels).count) of the 1000 classes, "
        + "\(pictures.count) pictures"
    )
  }

  /// The whole validation set has 50 pictures of every class; a shifted or shuffled list has not.
  private static func checkBalance(_ files: LabelledFiles) throws(DatasetError) {
    guard files.paths.count == 50_000 else { return }
    var counts = [Int](repeating: 0, count: 1000)
    for label in files.labels { counts[label] += 1 }
    guard let label = counts.firstIndex(where: { $0 != 50 }) else { return }
    throw .unevenClasses(
      path: files.root, wordNetID: ImageNetClasses.wordNetIDs[label], count: counts[label])
  }
}
