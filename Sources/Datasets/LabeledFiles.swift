import Files
import ImageCoding

/// Picture files below one folder, each with its label, in the order of their paths.
package struct LabeledFiles: Sendable {
  /// The folder, without a closing slash.
  package let root: PathBytes
  /// Paths relative to `root`.
  package let paths: [PathBytes]
  /// One per path.
  package let labels: [Int]

  init(root: PathBytes, paths: [PathBytes], labels: [Int]) {
    precondition(paths.count == labels.count, "Every file has one label.")
    self.root = root
    self.paths = paths
    self.labels = labels
  }
}

/// A data set whose pictures are files.
package protocol FileDataset: ImageDataset {
  /// The files in the data set's order.
  var files: LabeledFiles { get }
}

extension FileDataset {
  package var count: Int { files.paths.count }

  package func label(at index: Int) -> Int { files.labels[index] }

  package func path(at index: Int) -> String { "\(files.root / files.paths[index])" }

  package var content: DatasetContent {
    .files(root: files.root, files.paths.indices.map { (files.paths[$0], files.labels[$0]) })
  }

  package func decode(
    at index: Int, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<UInt8>
  ) throws {
    try ImageDecoder.withShared { decoder throws(ImageError) in
      try decoder.loadPixels(
        path: files.root / files.paths[index], preprocessing: preprocessing, into: output)
    }
  }
}
