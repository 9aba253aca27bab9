import Files
import Foundation
import ImageCoding
import Records
import Support

/// A data set with other rules of correctness: only some classes may be predicted, or an image has
/// several correct labels.
package struct ScoredDataset: ImageDataset {
  /// The classes that may be predicted.
  package enum ValidClasses: Hashable, Sendable {
    case all
    /// The classes that have images: ImageNet-A's and -R's 200 of 1000.
    case present
    case listed([Int])
  }

  private let base: any ImageDataset
  /// Positions in the base data set.
  private let indices: [Int]
  /// The correct labels of each image, if they differ from the base data set's.
  private let right: [[Int]]?
  package let validClasses: [Int]?

  /// `base` with other rules of correctness.
  ///
  /// - Parameter reassessed: The labels of ImageNet's validation pictures by their number; pictures
  ///   without any are left out.
  /// - Throws: `DatasetError.unusableScoring` for a class that does not exist, a picture none of
  ///   whose labels competes, or one that has no number.
  package init(
    _ base: any ImageDataset, valid: ValidClasses, reassessed: ReassessedLabels? = nil
  ) throws(DatasetError) {
    self.base = base
    var indices = Array(0..<base.count)
    if let reassessed {
      var labels: [[Int]] = []
      indices = []
      for index in 0..<base.count {
        let own = try reassessed.labels(ofPicture: base.path(at: index))
        guard !own.isEmpty else { continue }
        indices.append(index)
        labels.append(own)
      }
      right = labels
    } else {
      right = nil
    }
    self.indices = indices
    let used = Set(right?.joined().map { $0 } ?? indices.map { base.label(at: $0) })
    switch valid {
    case .all: validClasses = nil
    case .present: validClasses = used.sorted()
    case .listed(let classes):
      if let wrong = classes.first(where: { !base.classNames.indices.contains($0) }) {
        throw .unusableScoring(
          reason: "\"valid_classes\" has \(wrong), and \(base.name)'s classes go from 0 to "
            + "\(base.classNames.count - 1)")
      }
      if let missing = used.subtracting(classes).min() {
        throw .unusableScoring(
          reason: "\"valid_classes\" leaves out \(missing) (\(base.classNames[missing])), which "
            + "pictures of \(base.name) have; \"present\" takes the classes that there are")
      }
      validClasses = Set(classes).sorted()
    }
  }

  package var name: String { base.name }

  package var layout: String {
    var parts = [base.layout]
    if right != nil { parts.append("reassessed labels of \(counted(count, "picture"))") }
    if let validClasses {
      parts.append("scored over \(validClasses.count) of \(classNames.count) classes")
    }
    return parts.joined(separator: "; ")
  }

  package var classNames: [String] { base.classNames }
  package var count: Int { indices.count }
  package var warnings: [String] { base.warnings }

  package var content: DatasetContent {
    switch base.content {
    case .drawn(let text): .drawn(text)
    case .files(let root, let files): .files(root: root, indices.map { files[$0] })
    }
  }

  package var scoring: String? {
    let labels = right?.map { $0.map(String.init).joined(separator: ",") }.joined(separator: ";")
    let classes = validClasses?.map(String.init).joined(separator: ",")
    guard labels != nil || classes != nil else { return nil }
    return "labels \(labels ?? "own") classes \(classes ?? "all")"
  }

  package func label(at index: Int) -> Int { right?[index][0] ?? base.label(at: indices[index]) }

  package func rightLabels(at index: Int) -> [Int] {
    right?[index] ?? base.rightLabels(at: indices[index])
  }

  package func path(at index: Int) -> String { base.path(at: indices[index]) }

  package func decode(
    at index: Int, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<UInt8>
  ) throws {
    try base.decode(at: indices[index], preprocessing: preprocessing, into: output)
  }
}

/// All correct labels of ImageNet's validation images, as in `real.json` of "Are we done with
/// ImageNet?": by image number, empty for images without an agreed label.
///
/// Source: google-research/reassessed-imagenet; Beyer et al., arXiv:2006.07159.
package struct ReassessedLabels: Sendable {
  private let labels: [[Int]]
  private let file: String

  /// - Throws: `DatasetError.unusableScoring` for a file that is none.
  package init(file: String) throws(DatasetError) {
    self.file = file
    func wrong(_ reason: String) -> DatasetError { .unusableScoring(reason: "\(file): \(reason)") }
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try RegularFile.contents(of: PathBytes(file), maxBytes: 1 << 26)
    } catch { throw wrong(error.reason) }
    guard let labels = try? JSONDecoder().decode([[Int]].self, from: Data(bytes)) else {
      throw wrong("it is no list of lists of labels, as real.json of reassessed-imagenet is")
    }
    guard labels.joined().allSatisfy({ ImageNetClasses.names.indices.contains($0) }) else {
      throw wrong("it has labels that are not from 0 to 999")
    }
    self.labels = labels
  }

  /// The labels of `…/ILSVRC2012_val_00000001.JPEG` and other names with its number.
  func labels(ofPicture path: String) throws(DatasetError) -> [Int] {
    guard let found = path.firstMatch(of: /ILSVRC2012_val_(\d{8})/), let number = Int(found.1),
      labels.indices.contains(number - 1)
    else {
      throw .unusableScoring(
        reason: "\(file): it goes by the numbers of ILSVRC2012_val_00000001 to "
          + "\(labels.count), and \(path) has none of them")
    }
    return labels[number - 1]
  }
}
