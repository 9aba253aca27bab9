import Crypto
import Datasets
import Foundation

/// Opens data sets as a spec names them.
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
      text = SHA256.hash(data: Data((text + scoring).utf8)).map { String(format: "%02x", $0) }
        .joined()
    }
    return PlannedDataset(
      choice: choice, images: opened, fingerprint: text,
      order: isShuffled ? "random, seed \(seed)" : nil)
  }

  /// From the spec's manifest where it names one, else from the pictures.
  private func fingerprint(of content: DatasetContent, _ choice: DatasetChoice) throws -> String {
    guard let manifest = choice.manifest, case .files(let root, let pictures) = content else {
      return try fingerprint.text(of: content)
    }
    let path = source.path(manifest, ofKey: "dataset")
    let digests = try DatasetManifest.read(path).digests(
      of: pictures, below: root, manifest: path)
    return ContentFingerprint.text(pictures, digests: digests)
  }

  private func open(_ choice: DatasetChoice, limit: Int?) throws -> any ImageDataset {
    var whole = try choice.kind.open(
      DatasetSite(source: source, cacheFolder: fingerprint.cacheFolder?.path), limit: limit)
    if choice.validClasses != .all || choice.reassessedLabels != nil {
      whole = try ScoredDataset(
        whole, valid: choice.validClasses,
        reassessed: try choice.reassessedLabels.map {
          try ReassessedLabels(file: source.path($0, ofKey: "dataset"))
        })
    }
    guard let limit, limit < whole.count else { return whole }
    return SubsetDataset(whole, limit: limit, seed: UInt64(seed))
  }
}
