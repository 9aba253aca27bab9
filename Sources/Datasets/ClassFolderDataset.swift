import ImageCoding

/// Any set of one folder of pictures per class, as torchvision's `ImageFolder` reads it.
///
/// Without a mapping the label of a class is its place in the sorted folder names.
package struct ClassFolderDataset: FileDataset {
  /// What labels the class folders have.
  package enum Classes: Sendable, Hashable {
    /// The place in the sorted folder names.
    case sorted
    /// The place in this list of folder names.
    case order([String])
    /// The label of each folder name.
    case labels([String: Int])
  }

  package let name: String
  package let layout: String
  package let classNames: [String]
  package let files: LabelledFiles

  /// The pictures below `folder`.
  ///
  /// Classes that a mapping names may lack a folder; a folder that it does not name is an error.
  package init(folder: String, classes: Classes = .sorted) throws(DatasetError) {
    let root = trimmed(folder)
    let listing = try FolderListing(root)
    guard !listing.folders.isEmpty else {
      throw listing.pictures.isEmpty ? .noImages(path: root) : .noClassFolders(path: root)
    }
    let labelOf = try ClassFolderDataset.labels(classes, folders: listing.folders, root: root)
    files = try LabelledFiles(root: root, classFolders: listing.folders, labelOf: labelOf)
    classNames = ClassFolderDataset.names(labelOf)
    name = root.split(separator: "/").last.map(String.init) ?? root
    layout = "class folders, \(listing.folders.count) classes, \(files.paths.count) pictures"
  }

  private static func labels(
    _ classes: Classes, folders: [String], root: String
  ) throws(DatasetError) -> [String: Int] {
    var labels: [String: Int]
    switch classes {
    case .sorted: return Dictionary(uniqueKeysWithValues: zip(folders, 0...))
    case .order(let names):
      labels = Dictionary(zip(names, 0...)) { first, _ in first }
      if labels.count < names.count { throw .badClassMapping(reason: "names a class twice") }
    case .labels(let given):
      labels = given
      if let (name, label) = given.sorted(by: { $0.key < $1.key }).first(where: { $0.value < 0 }) {
        throw .badClassMapping(reason: "gives '\(name)' the label \(label); labels start at 0")
      }
    }
    for folder in folders where labels[folder] == nil {
      let known = labels.keys.sorted(by: FolderListing.precedes)
      throw .unknownClass(path: root, folder: folder, known: known)
    }
    return labels
  }

  private static func names(_ labels: [String: Int]) -> [String] {
    let highest = labels.values.max() ?? -1
    var names = (0..<(highest + 1)).map { "class \($0)" }
    let sorted = labels.sorted { FolderListing.precedes($1.key, $0.key) }
    for (name, label) in sorted { names[label] = name }
    return names
  }
}

extension LabelledFiles {
  /// The pictures in the folders `classFolders` of `root`, none of which may be empty.
  init(
    root: String, classFolders: [String], labelOf: [String: Int]
  ) throws(DatasetError) {
    var paths: [String] = []
    var labels: [Int] = []
    var empty: [String] = []
    for folder in classFolders {
      guard let label = labelOf[folder] else { continue }
      let pictures = try FolderListing.picturesBelow(root + "/" + folder)
      if pictures.isEmpty { empty.append(folder) }
      paths += pictures.map { folder + "/" + $0 }
      labels += repeatElement(label, count: pictures.count)
    }
    if paths.isEmpty { throw .noImages(path: root) }
    if !empty.isEmpty { throw .emptyClasses(path: root, classes: empty) }
    self.init(root: root, paths: paths, labels: labels)
  }
}

/// A folder's path without closing slashes.
func trimmed(_ folder: String) -> String {
  var path = folder[...]
  while path.count > 1, path.last == "/" { path.removeLast() }
  return String(path)
}
