import Datasets
import Files
import Foundation

/// Opens the data sets of a spec.
struct DatasetOpener {
  let source: SpecSource
  let seed: Int
  let fingerprint: ContentFingerprint

  /// The data set with at most `images` of its images, balanced over the classes.
  ///
  /// - Parameter isShuffled: Whether the images come in random order.
  /// - Throws: `DatasetError`, `ExperimentsError.interrupted`.
  func open(
    _ choice: DatasetChoice, images: Int?, isShuffled: Bool = false
  ) throws -> PlannedDataset {
    let limits = [choice.limit, images].compactMap { $0 }
    var opened = try open(choice, limit: limits.min())
    if isShuffled { opened = SubsetDataset(shuffling: opened, seed: UInt64(seed)) }
    var text = try fingerprint(of: opened.content, choice)
    if let scoring = opened.scoring {
      text = SHA256.hash(data: Data((text + scoring).utf8)).hexadecimal
    }
    return PlannedDataset(
      choice: choice, images: opened, fingerprint: text,
      order: isShuffled ? "random, seed \(seed)" : nil)
  }

  /// From the spec's manifest if it names one, otherwise from the images.
  private func fingerprint(of content: DatasetContent, _ choice: DatasetChoice) throws -> String {
    guard let manifest = choice.manifest, case .files(let root, let pictures) = content else {
      return try fingerprint.text(of: content)
    }
    let path = source.path(manifest, ofKey: "dataset")
    return try KeyFlaw.named("manifest") {
      let digests = try DatasetManifest.read(path).digests(
        of: pictures, below: root, manifest: path)
      // Images of equal size may have been swapped since then, so the bytes of changed files are
      // read.
      let written = FileStatus(of: PathBytes(path))?.modified ?? .min
      let suspects = pictures.indices.filter { place in
        let file = pictures[place].member?.archive ?? root / pictures[place].path
        return (FileStatus(of: file)?.changed ?? .max) >= written
      }
      let found = try fingerprint.digests(of: suspects.map { pictures[$0] }, below: root)
      for (place, digest) in zip(suspects, found) where digest != digests[place] {
        throw ExperimentsError.impossible(
          subject: path,
          message: "lists '\(pictures[place].path)' with other bytes than it has; make it anew "
            + "with `lab dataset check \(root)`")
      }
      return ContentFingerprint.text(pictures, digests: digests)
    }
  }

  private func open(_ choice: DatasetChoice, limit: Int?) throws -> any ImageDataset {
    var whole = try choice.kind.open(
      DatasetSite(source: source, cacheFolder: fingerprint.cacheFolder?.path), limit: limit)
    if choice.validClasses != .all || choice.reassessedLabels != nil {
      whole = try ScoredDataset(
        whole, valid: choice.validClasses,
        reassessed: try choice.reassessedLabels.map { path in
          try KeyFlaw.named("reassessed_labels") {
            try ReassessedLabels(file: source.path(path, ofKey: "dataset"))
          }
        })
    }
    guard let limit, limit < whole.count else { return whole }
    return SubsetDataset(whole, limit: limit, seed: UInt64(seed))
  }
}

/// A problem of what one key of a data set names.
struct KeyFlaw: Error {
  let key: String
  let message: String

  /// Prefixes the errors of `body` with `key`.
  static func named<Value>(_ key: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch ExperimentsError.interrupted {
      throw ExperimentsError.interrupted
    } catch {
      throw KeyFlaw(key: key, message: "\(error)")
    }
  }
}
