import Files
import Foundation
import ImageCoding

/// The content of one folder: names in byte order, without hidden ones.
///
/// Read with `readdir`, since Foundation's enumerator takes seconds for ImageNet's 50,000 files and
/// loses names that are not UTF-8.
struct FolderListing {
  private(set) var folders: [PathBytes] = []
  private(set) var files: [PathBytes] = []
  /// Folders that belong to the system and contain no images of the data set.
  private(set) var systemFolders: [PathBytes] = []

  /// The files that are named as pictures.
  var pictures: [PathBytes] { files.filter(FolderListing.isPictureName) }

  init(_ path: PathBytes) throws(DatasetError) {
    guard let stream = path.withCString({ opendir($0) }) else {
      throw .unreadableFolder(path: "\(path)", reason: systemReason())
    }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = FolderListing.name(of: entry)
      if name.isHidden { continue }
      if !FolderListing.isFolder(entry, at: path / name) {
        files.append(name)
      } else if FolderListing.systemNames.contains(name) {
        systemFolders.append(name)
      } else {
        folders.append(name)
      }
    }
    folders.sort()
    files.sort()
    systemFolders.sort()
  }

  /// Thumbnails and metadata of Synology and QNAP, what fsck found, archives made on a Mac, recycle
  /// bins.
  private static let systemNames: Set<PathBytes> = [
    "@eaDir", "@Recycle", "#recycle", "#snapshot", "$RECYCLE.BIN", "__MACOSX", "lost+found",
    "System Volume Information",
  ]

  static func isPictureName(_ name: PathBytes) -> Bool {
    name.suffix.text.map(ImageFormat.fileExtensions.contains) ?? false
  }

  /// Whether a file name is that of an unsupported image format.
  static func isOtherPictureName(_ name: PathBytes) -> Bool {
    name.suffix.text.map(ImageFormat.otherExtensions.contains) ?? false
  }

  /// Whether `path` is a folder, links followed.
  static func isFolder(_ path: PathBytes) -> Bool { FileStatus(of: path)?.kind == .folder }

  private static func name(of entry: UnsafeMutablePointer<dirent>) -> PathBytes {
    withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { PathBytes(cString: $0) }
    }
  }

  private static func isFolder(
    _ entry: UnsafeMutablePointer<dirent>, at path: @autoclosure () -> PathBytes
  ) -> Bool {
    switch Int(entry.pointee.d_type) {
    case Int(DT_DIR): true
    case Int(DT_REG): false
    default: isFolder(path())
    }
  }
}
