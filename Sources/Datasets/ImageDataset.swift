import Files
import ImageCoding
import Records

/// What determines the pictures and labels of a data set; the caller hashes it.
package enum DatasetContent: Sendable {
  /// Pictures that the program draws: what determines them.
  case drawn(String)
  /// Files below `root`, or members of archives, in the data set's order.
  case files(root: PathBytes, [LabeledPicture])
}

/// A picture file with its label.
package struct LabeledPicture: Hashable, Sendable {
  /// Below the data set's folder, or in its archive.
  package let path: PathBytes
  package let label: Int
  /// Where it is in an archive; `nil` for a file of its own.
  package let member: ArchiveMember?
}

/// Labeled pictures in a fixed order.
package protocol ImageDataset: Sendable {
  /// What a person calls the set, such as "imagenet".
  var name: String { get }

  /// How the pictures and their labels were found, in one phrase for the output.
  var layout: String { get }

  /// The name of every label.
  var classNames: [String] { get }

  /// Pictures.
  var count: Int { get }

  /// What determines the pictures and their labels.
  var content: DatasetContent { get }

  /// What a person should know who takes the set for what its folders seem to say, a sentence each.
  var warnings: [String] { get }

  /// The label of picture `index`, an index into `classNames`.
  func label(at index: Int) -> Int

  /// All labels of picture `index` that count as right, at least one.
  func rightLabels(at index: Int) -> [Int]

  /// The classes that compete; `nil` for all.
  var validClasses: [Int]? { get }

  /// What determines what is right besides the labels; `nil` where nothing does.
  var scoring: String? { get }

  /// What names picture `index` in output and errors: its file, if it has one.
  func path(at index: Int) -> String

  /// Decodes picture `index`, resized and cropped; `PixelNormalization` does the rest.
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
