import Foundation
import ImageCoding

/// What is in one folder: names in the order of their bytes, hidden ones left out.
///
/// Read with `readdir`, since Foundation's enumerator takes seconds for ImageNet's 50,000 files.
struct FolderListing {
  private(set) var folders: [String] = []
  private(set) var files: [String] = []

  /// The files that are named as pictures.
  var pictures: [String] { files.filter(FolderListing.isPictureName) }

  init(_ path: String) throws(DatasetError) {
    guard let stream = opendir(path) else {
      throw .unreadableFolder(path: path, reason: String(cString: strerror(errno)))
    }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = FolderListing.name(of: entry)
      if name.hasPrefix(".") { continue }
      if FolderListing.isFolder(entry, at: path + "/" + name) {
        folders.append(name)
      } else {
        files.append(name)
      }
    }
    folders.sort(by: FolderListing.precedes)
    files.sort(by: FolderListing.precedes)
  }

  /// The pictures below `path` at any depth, as paths relative to it, sorted.
  static func picturesBelow(_ path: String) throws(DatasetError) -> [String] {
    let listing = try FolderListing(path)
    var found = listing.pictures
    for folder in listing.folders {
      found += try picturesBelow(path + "/" + folder).map { folder + "/" + $0 }
    }
    return listing.folders.isEmpty ? found : found.sorted(by: precedes)
  }

  static func isPictureName(_ name: String) -> Bool {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return false }
    return ImageFormat.fileExtensions.contains(name[name.index(after: dot)...].lowercased())
  }

  /// Whether `path` is a folder, links followed.
  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether `path` is a file, links followed.
  static func isFile(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Bytes of the file at `path`, or nil if there is none.
  static func size(of path: String) -> Int? {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : nil
  }

  /// The order of the bytes, which is Python's `sorted` and so torchvision's order of classes.
  static func precedes(_ a: String, _ b: String) -> Bool {
    a.utf8.lexicographicallyPrecedes(b.utf8)
  }

  private static func name(of entry: UnsafeMutablePointer<dirent>) -> String {
    withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
    }
  }

  private static func isFolder(_ entry: UnsafeMutablePointer<dirent>, at path: String) -> Bool {
    switch Int(entry.pointee.d_type) {
    case Int(DT_DIR): true
    case Int(DT_REG): false
    default: isFolder(path)
    }
  }
}
