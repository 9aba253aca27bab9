import Files
import ImageCoding
import Records

/// The content that determines a data set's images and labels; the caller hashes it.
package enum DatasetContent: Sendable {
  /// Images that the program draws, with the text that determines them.
  case drawn(String)
  /// Files below `root`, or members of archives, in the data set's order.
  case files(root: PathBytes, [LabeledPicture])
}

/// An image file with its label.
package struct LabeledPicture: Hashable, Sendable {
  /// The path below the data set's folder, or in its archive.
  package let path: PathBytes
  package let label: Int
  /// The position in an archive; `nil` for a separate file.
  package let member: ArchiveMember?
}

/// Labeled images in a fixed order.
package protocol ImageDataset: Sendable {
  /// The name for display, such as "imagenet".
  var name: String { get }

  /// How the images and their labels were found, as a phrase for the output.
  var layout: String { get }

  /// The name of every label.
  var classNames: [String] { get }

  /// Pictures.
  var count: Int { get }

  /// The content that determines the images and their labels.
  var content: DatasetContent { get }

  /// Warnings for the user about a possible misunderstanding of the folders, one sentence each.
  var warnings: [String] { get }

  /// The label of image `index`, an index into `classNames`.
  func label(at index: Int) -> Int

  /// All labels of image `index` that count as correct; at least one.
  func rightLabels(at index: Int) -> [Int]

  /// The classes that may be predicted; `nil` for all.
  var validClasses: [Int]? { get }

  /// What determines correctness in addition to the labels; `nil` for nothing.
  var scoring: String? { get }

  /// The name of image `index` in output and errors: its file, if it has one.
  func path(at index: Int) -> String

  /// Decodes, resizes and crops image `index`; `PixelNormalization` does the rest.
  ///
  /// Shapes: output `[crop][crop][3]`. Throws `ImageError` for a file that cannot be decoded. May
  /// be called from several threads at once.
  func decode(
    at index: Int, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<UInt8>
  ) throws
}

extension ImageDataset {
  package var warnings: [String] { [] }
  package var validClasses: [Int]? { nil }
  package var scoring: String? { nil }
  package func rightLabels(at index: Int) -> [Int] { [label(at: index)] }
}
