import Foundation
import ImageCoding

/// Picture files below one folder, each with its label, in the order of their paths.
package struct LabelledFiles: Sendable {
  /// The folder, without a closing slash.
  package let root: String
  /// Paths relative to `root`.
  package let paths: [String]
  /// One per path.
  package let labels: [Int]

  init(root: String, paths: [String], labels: [Int]) {
    precondition(paths.count == labels.count, "Every file has one label.")
    self.root = root
    self.paths = paths
    self.labels = labels
  }

  var fingerprintText: String {
    var text = ""
    text.reserveCapacity(paths.count * 64)
    for (path, label) in zip(paths, labels) {
      let size = FolderListing.size(of: root + "/" + path).map(String.init) ?? "missing"
      text += "\(path)\t\(size)\t\(label)\n"
    }
    return text
  }
}

/// A data set whose pictures are files.
package protocol FileDataset: ImageDataset {
  /// The files in the data set's order.
  var files: LabelledFiles { get }
}

extension FileDataset {
  package var count: Int { files.paths.count }

  package var fingerprintText: String { files.fingerprintText }

  package func label(at index: Int) -> Int { files.labels[index] }

  package func path(at index: Int) -> String { files.root + "/" + files.paths[index] }

  package func decode(
    at index: Int, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<UInt8>
  ) throws {
    try ImageDecoder.withShared { decoder throws(ImageError) in
      try decoder.loadPixels(path: path(at: index), preprocessing: preprocessing, into: output)
    }
  }
}
