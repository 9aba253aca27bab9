import ImageCoding

/// Why a data set cannot be used, or one of its pictures.
package enum DatasetError: Error, Hashable, CustomStringConvertible {
  /// The folder does not exist, is no folder or may not be read.
  case unreadableFolder(path: String, reason: String)
  /// There are class folders, or there should be, and no picture in them.
  case noImages(path: String)
  /// Some class folders hold no picture.
  case emptyClasses(path: String, classes: [String])
  /// The folder holds pictures but no class folders, so there are no labels.
  case noClassFolders(path: String)
  /// A class folder that the given classes do not name.
  case unknownClass(path: String, folder: String, known: [String])
  /// A class that is given twice, or a label below zero.
  case badClassMapping(reason: String)
  /// A picture that cannot be decoded, in a run that stops at such.
  case badImage(path: String, reason: String)

  package var description: String {
    switch self {
    case .unreadableFolder(let path, let reason):
      "\(path) cannot be read as a folder of pictures (\(reason))."
    case .noImages(let path):
      "\(path) holds no PNG or JPEG files; a data set is one folder of pictures per class."
    case .emptyClasses(let path, let classes):
      "\(path) has class folders without a PNG or JPEG file: \(listed(classes)); "
        + "fill or remove them."
    case .noClassFolders(let path):
      "\(path) holds pictures but no class folders, so nothing says their labels; "
        + "put the pictures of each class into a folder of their own."
    case .unknownClass(let path, let folder, let known):
      "\(path) has the class folder '\(folder)', which \"classes\" does not name; "
        + "it names \(listed(known))."
    case .badClassMapping(let reason):
      "\"classes\" \(reason)."
    case .badImage(let path, let reason):
      "\(path) \(reason); set \"on_bad_image\" to \"skip\" to leave such pictures out."
    }
  }
}

/// The first few of many, with how many there are.
func listed(_ names: [String]) -> String {
  let shown = names.prefix(5).joined(separator: ", ")
  return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
}
