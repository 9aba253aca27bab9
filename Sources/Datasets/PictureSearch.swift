import Files
import Support

/// Finds the images below class folders, each folder and each file of a class once, however many
/// links lead to it.
struct PictureSearch {
  /// What was left out.
  struct LeftOut: Sendable, Hashable {
    /// Pictures of formats that cannot be read, by the suffix of their names.
    var otherFormats: [PathBytes: Int] = [:]
    /// Folders that belong to the system.
    var systemFolders: [PathBytes] = []
    /// Links to folders that are listed already.
    var repeatedFolders: [PathBytes] = []
    /// Additional names of files that are already listed.
    var repeatedFiles: [PathBytes] = []
  }

  private(set) var leftOut = LeftOut()
  private let root: PathBytes
  private var folders: Set<FileStatus.Identity> = []

  /// - Parameter classFolders: Each belongs to its own class, so no link in another leads into it.
  init(root: PathBytes, classFolders: [PathBytes]) {
    self.root = root
    for folder in [root] + classFolders.map({ root / $0 }) {
      if let status = FileStatus(of: folder) { folders.insert(status.identity) }
    }
  }

  /// Counts what the listing of the root itself leaves out.
  mutating func leaveOut(of listing: FolderListing) {
    leftOut.systemFolders += listing.systemFolders
  }

  /// The pictures below a class folder at any depth, as paths relative to it, sorted.
  mutating func pictures(below folder: PathBytes) throws(DatasetError) -> [PathBytes] {
    var files: Set<FileStatus.Identity> = []
    let found = try pictures(below: root / folder, as: "", &files)
    return found.sorted()
  }

  private mutating func pictures(
    below path: PathBytes, as prefix: PathBytes, _ files: inout Set<FileStatus.Identity>
  ) throws(DatasetError) -> [PathBytes] {
    let listing = try FolderListing(path)
    leftOut.systemFolders += listing.systemFolders.map { path / $0 }
    var found: [PathBytes] = []
    for name in listing.files {
      if FolderListing.isPictureName(name) {
        // What is not there is reported when it is read.
        if let status = FileStatus(of: path / name), !files.insert(status.identity).inserted {
          leftOut.repeatedFiles.append(path / name)
        } else {
          found.append(prefix / name)
        }
      } else if FolderListing.isOtherPictureName(name) {
        leftOut.otherFormats[name.suffix, default: 0] += 1
      }
    }
    for name in listing.folders {
      if let status = FileStatus(of: path / name), !folders.insert(status.identity).inserted {
        leftOut.repeatedFolders.append(path / name)
      } else {
        found += try pictures(below: path / name, as: prefix / name, &files)
      }
    }
    return found
  }
}

extension PictureSearch.LeftOut {
  /// One phrase per kind of thing that was left out.
  var phrases: [String] {
    var phrases: [String] = []
    if !otherFormats.isEmpty {
      let kinds = otherFormats.sorted { $0.key < $1.key }.map { "\($1) \($0)" }
      phrases.append(
        "\(counted(otherFormats.values.reduce(0, +), "file")) of other formats left out: "
          + kinds.joined(separator: ", "))
    }
    func add(_ paths: [PathBytes], _ one: String, _ many: String) {
      guard let first = paths.first else { return }
      phrases.append(
        "\(counted(paths.count, one, many)) left out: \(first)"
          + (paths.count > 1 ? " and \(paths.count - 1) more" : ""))
    }
    add(systemFolders, "folder of the system", "folders of the system")
    add(
      repeatedFolders, "link to a folder that is listed already",
      "links to folders that are listed already")
    add(
      repeatedFiles, "further name of a file that is listed already",
      "further names of files that are listed already")
    return phrases
  }
}
