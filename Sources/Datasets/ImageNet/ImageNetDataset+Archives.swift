import Files
import Support

/// ImageNet's pictures in tar archives.
extension ImageNetDataset {
  /// Labels in files next to each picture (WebDataset), from class folders, from archives named
  /// after a class, from the pictures' names, or from a ground truth next to the archive.
  static func readArchives(
    _ found: PictureArchives
  ) throws(DatasetError) -> (LabeledFiles, layout: [String], warnings: [String]) {
    let count = counted(found.names.count, "picture")
    let place = counted(found.archives.count, "tar archive")
    let others = found.others.map { [$0] } ?? []
    func result(
      _ labels: [Int], _ how: String, notes: [String] = []
    ) throws(DatasetError) -> (LabeledFiles, [String], [String]) {
      if let highest = labels.max(), highest > 999 {
        throw .labelsOutOfRange(
          path: "\(found.root)", lowest: labels.min() ?? 0, highest: highest)
      }
      let classes = Set(labels).count
      return (
        LabeledFiles(
          root: found.root, paths: found.names, labels: labels, members: found.members),
        ["\(how), \(classes) of the 1000 classes, \(count)"] + others,
        (others + notes).map { "\(found.root): \($0)" }
      )
    }
    if let labels = try found.labelsFromSidecars({ ImageNetClasses.labels[$0] }) {
      return try result(labels, "\(place) with a class next to each picture")
    }
    if let labels = classesOfPaths(found) { return try result(labels, "\(place) of class folders") }
    if let folders = found.classFolders {
      let numbers = labelsOfFolders(Array(Set(folders)))
      let labels = folders.compactMap { numbers[$0] }
      if labels.count == folders.count { return try result(labels, "\(place) of class folders") }
    }
    let flat = try flatLabels(found.names.map(\.name), nextTo: found.archives[0].folder)
    return try result(
      flat.labels, "\(place): \(flat.layout.prefix { $0 != "," })", notes: flat.notes)
  }

  /// Labels where every picture is in a folder, or in an archive, that is named by a WordNet id.
  private static func classesOfPaths(_ found: PictureArchives) -> [Int]? {
    let labels = zip(found.names, found.members).map { name, member -> Int? in
      let parts = name.bytes.split(separator: UInt8(ascii: "/")).dropLast()
      let named = parts.last { ImageNetClasses.labels[String(decoding: $0, as: UTF8.self)] != nil }
      let text = named.map { String(decoding: $0, as: UTF8.self) } ?? member.archive.stem.text
      return text.flatMap { ImageNetClasses.labels[$0] }
    }
    return labels.contains(nil) ? nil : labels.compactMap(\.self)
  }
}
