import Files
import ImageCoding
import Support

/// Any data set with one folder of images per class, as in torchvision's `ImageFolder`; also in tar
/// archives, as WebDataset shards, or as Tiny ImageNet's validation images.
///
/// Without a mapping, the label of a class is its position in the sorted folder names.
package struct ClassFolderDataset: FileDataset {
  /// The labels of the class folders.
  package enum Classes: Sendable, Hashable {
    /// The position in the sorted folder names.
    case sorted(ClassOrder = .sorted)
    /// The position in this list of folder names.
    case order([String])
    /// The label of each folder name.
    case labels([String: Int])
  }

  package let name: String
  package let layout: String
  package let classNames: [String]
  package let files: LabeledFiles
  package let warnings: [String]

  /// The pictures below `folder`.
  ///
  /// Classes that a mapping names may lack a folder; a folder that it does not name is an error.
  ///
  /// - Parameter cacheFolder: Where the lists of archives are kept; `nil` keeps none.
  package init(
    folder: String, classes: Classes = .sorted(), cacheFolder: String? = nil
  ) throws(DatasetError) {
    let root = PathBytes(folder).trimmed
    if let found = try PictureArchives.find(root) {
      let archives = try PictureArchives(
        root: found.root, archives: found.archives, cacheFolder: cacheFolder)
      self = try ClassFolderDataset(archives, classes)
      return
    }
    if let annotated = try AnnotatedPictures(root) {
      self = try ClassFolderDataset(annotated, classes, root)
      return
    }
    let listing = try FolderListing(root)
    guard !listing.folders.isEmpty else {
      throw listing.pictures.isEmpty
        ? .noImages(path: "\(root)") : .noClassFolders(path: "\(root)")
    }
    if case .sorted = classes { try ClassFolderDataset.refuseSplits(listing, root) }
    let labelOf = try ClassFolderDataset.labels(classes, folders: listing.folders, root: root)
    var search = PictureSearch(root: root, classFolders: listing.folders)
    search.leaveOut(of: listing)
    files = try LabeledFiles(
      root: root, classFolders: listing.folders, labelOf: labelOf, &search)
    classNames = ClassFolderDataset.names(labelOf)
    name = "\(root.name)".isEmpty ? "\(root)" : "\(root.name)"
    let counts = [
      "class folders", counted(listing.folders.count, "class", "classes"),
      counted(files.paths.count, "picture"),
    ]
    layout = ([counts.joined(separator: ", ")] + search.leftOut.phrases).joined(separator: "; ")
    warnings =
      search.leftOut.phrases.map { "\(root): \($0)" }
      + (classes == .sorted() ? ClassFolderDataset.orderWarning(listing.folders, root) : [])
  }

  private init(_ archives: PictureArchives, _ classes: Classes) throws(DatasetError) {
    let root = archives.root
    let known: [String] = if case .order(let names) = classes { names } else { [] }
    let labels: [Int]
    if let sidecars = try archives.labelsFromSidecars({ known.firstIndex(of: $0) }) {
      if case .labels = classes {
        throw .badClassMapping(
          reason: "gives folders labels, but the pictures of \(root) have theirs next to them")
      }
      labels = sidecars
      let count = max(known.count, (labels.max() ?? -1) + 1)
      if !known.isEmpty, count > known.count {
        throw .badClassMapping(
          reason: "names \(counted(known.count, "class", "classes")), and a picture of \(root) has "
            + "the label \(count - 1)")
      }
      classNames = known.isEmpty ? (0..<count).map { "class \($0)" } : known
    } else {
      guard let folders = archives.classFolders else { throw .noClassFolders(path: "\(root)") }
      let labelOf = try ClassFolderDataset.labels(
        classes, folders: Set(folders).sorted(), root: root)
      labels = folders.map { labelOf[$0] ?? 0 }
      classNames = ClassFolderDataset.names(labelOf)
    }
    files = LabeledFiles(
      root: root, paths: archives.names, labels: labels, members: archives.members)
    name = "\(root.stem)".isEmpty ? "\(root)" : "\(root.stem)"
    let counts = [
      counted(archives.archives.count, "tar archive"),
      counted(Set(labels).count, "class", "classes"), counted(labels.count, "picture"),
    ]
    layout = ([counts.joined(separator: ", ")] + (archives.others.map { [$0] } ?? []))
      .joined(separator: "; ")
    warnings = archives.others.map { ["\(root): \($0)"] } ?? []
  }

  private init(
    _ annotated: AnnotatedPictures, _ classes: Classes, _ root: PathBytes
  ) throws(DatasetError) {
    let labelOf = try ClassFolderDataset.labels(classes, folders: annotated.classes, root: root)
    files = LabeledFiles(
      root: annotated.folder, paths: annotated.names,
      labels: annotated.classOfName.map { labelOf[$0] ?? 0 })
    classNames = ClassFolderDataset.names(labelOf)
    name = "\(root.name)".isEmpty ? "\(root)" : "\(root.name)"
    layout =
      "pictures labeled by \(AnnotatedPictures.fileName), "
      + "\(counted(annotated.classes.count, "class", "classes")), "
      + counted(annotated.names.count, "picture")
    warnings = []
  }

  // MARK: What is no class

  private static let splitNames: Set<PathBytes> = [
    "train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval",
  ]

  /// `train/` and `val/` are parts of a data set, which would become classes 0 and 1.
  private static func refuseSplits(
    _ listing: FolderListing, _ root: PathBytes
  ) throws(DatasetError) {
    let splits = listing.folders.filter {
      splitNames.contains(PathBytes(bytes: "\($0)".lowercased().utf8))
    }
    guard let first = splits.first else { return }
    if splits.count == 1 {
      guard listing.folders.count == 1, try !FolderListing(root / first).folders.isEmpty else {
        return
      }
    }
    let likely = splits.first { "\($0)".lowercased().hasPrefix("val") } ?? first
    throw .splitsAsClasses(
      path: "\(root)", folders: splits.map { "\($0)" }, likely: "\(root / likely)")
  }

  /// A warning if timm would label the classes differently.
  private static func orderWarning(_ folders: [PathBytes], _ root: PathBytes) -> [String] {
    let natural = ClassOrder.natural.sorted(folders)
    guard let place = folders.indices.first(where: { folders[$0] != natural[$0] }) else {
      return []
    }
    return [
      "\(root): class \(place) is '\(folders[place])', as torchvision sorts the folders; timm "
        + "sorts them by number and without case, where it is '\(natural[place])': for a model "
        + "trained with timm's labels add \"class_order\": \"natural\""
    ]
  }

  // MARK: Labels

  private static func labels(
    _ classes: Classes, folders: [PathBytes], root: PathBytes
  ) throws(DatasetError) -> [PathBytes: Int] {
    var labels: [PathBytes: Int]
    switch classes {
    case .sorted(let order):
      return Dictionary(uniqueKeysWithValues: zip(order.sorted(folders), 0...))
    case .order(let names):
      labels = Dictionary(zip(names.map { PathBytes($0) }, 0...)) { first, _ in first }
      if labels.count < names.count { throw .badClassMapping(reason: "names a class twice") }
    case .labels(let given):
      labels = Dictionary(uniqueKeysWithValues: given.map { (PathBytes($0.key), $0.value) })
      if let (name, label) = labels.sorted(by: { $0.key < $1.key }).first(where: { $0.value < 0 }) {
        throw .badClassMapping(reason: "gives '\(name)' the label \(label); labels start at 0")
      }
    }
    for folder in folders where labels[folder] == nil {
      // JSON can only spell a name that is not UTF-8 as it is shown.
      if folder.text == nil, let label = labels[PathBytes("\(folder)")] {
        labels[folder] = label
        labels[PathBytes("\(folder)")] = nil
        continue
      }
      throw .unknownClass(
        path: "\(root)", folder: "\(folder)", known: labels.keys.sorted().map { "\($0)" })
    }
    return labels
  }

  private static func names(_ labels: [PathBytes: Int]) -> [String] {
    let highest = labels.values.max() ?? -1
    var names = (0..<(highest + 1)).map { "class \($0)" }
    for (name, label) in labels.sorted(by: { $1.key < $0.key }) { names[label] = "\(name)" }
    return names
  }
}

extension LabeledFiles {
  /// The pictures in the folders `classFolders` of `root`, none of which may be empty.
  init(
    root: PathBytes, classFolders: [PathBytes], labelOf: [PathBytes: Int],
    _ search: inout PictureSearch
  ) throws(DatasetError) {
    var paths: [PathBytes] = []
    var labels: [Int] = []
    var empty: [String] = []
    for folder in classFolders {
      guard let label = labelOf[folder] else { continue }
      let pictures = try search.pictures(below: folder)
      if pictures.isEmpty { empty.append("\(folder)") }
      paths += pictures.map { folder / $0 }
      labels += repeatElement(label, count: pictures.count)
    }
    let others = search.leftOut.phrases.first.flatMap {
      search.leftOut.otherFormats.isEmpty ? nil : $0
    }
    if paths.isEmpty { throw .noImages(path: "\(root)", others: others) }
    if !empty.isEmpty { throw .emptyClasses(path: "\(root)", classes: empty, others: others) }
    self.init(root: root, paths: paths, labels: labels)
  }
}
