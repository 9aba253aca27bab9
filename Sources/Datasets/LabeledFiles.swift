import Files
import ImageCoding
import Records

/// A file that is read in place from an archive.
package struct ArchiveMember: Hashable, Sendable {
  package let archive: PathBytes
  /// The offset of its first byte in the archive.
  package let offset: Int
  /// Bytes.
  package let size: Int
}

/// Image files below one folder or in archives, each with its label, in the order of their paths.
package struct LabeledFiles: Sendable {
  /// The folder without a trailing slash, or the archive.
  package let root: PathBytes
  /// Paths relative to `root`; of members of archives their names there.
  package let paths: [PathBytes]
  /// One per path.
  package let labels: [Int]
  /// The position of each in an archive; `nil` if they are separate files.
  package let members: [ArchiveMember]?

  init(root: PathBytes, paths: [PathBytes], labels: [Int], members: [ArchiveMember]? = nil) {
    precondition(paths.count == labels.count, "Every file has one label.")
    precondition((members?.count ?? paths.count) == paths.count, "Every member has one path.")
    self.root = root
    self.paths = paths
    self.labels = labels
    self.members = members
  }
}

/// A data set whose images are files.
package protocol FileDataset: ImageDataset {
  /// The files in the data set's order.
  var files: LabeledFiles { get }
}

extension FileDataset {
  package var count: Int { files.paths.count }

  package func label(at index: Int) -> Int { files.labels[index] }

  package func path(at index: Int) -> String {
    let folder = files.members?[index].archive ?? files.root
    return "\(folder / files.paths[index])"
  }

  package var content: DatasetContent {
    .files(
      root: files.root,
      files.paths.indices.map { index in
        LabeledPicture(
          path: files.paths[index], label: files.labels[index], member: files.members?[index])
      })
  }

  package func decode(
    at index: Int, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<UInt8>
  ) throws {
    try ImageDecoder.withShared { decoder throws(ImageError) in
      guard let member = files.members?[index] else {
        return try decoder.loadPixels(
          path: files.root / files.paths[index], preprocessing: preprocessing, into: output)
      }
      try decoder.loadPixels(
        path: member.archive, part: member.offset..<(member.offset + member.size),
        named: path(at: index), preprocessing: preprocessing, into: output)
    }
  }
}
