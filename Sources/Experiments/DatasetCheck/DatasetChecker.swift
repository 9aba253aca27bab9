import Datasets
import Files
import Foundation
import ImageCoding
import Support

/// Reads and decodes every image of a data set, and reports problems.
package struct DatasetChecker {
  private let cacheFolder: URL?
  private let progress: @Sendable (String) -> Void

  /// - Parameters:
  ///   - cacheFolder: Where hashes are kept between runs; `nil` keeps none.
  ///   - progress: Told how far it is, at most once a second.
  package init(cacheFolder: URL?, progress: @escaping @Sendable (String) -> Void) {
    self.cacheFolder = cacheFolder
    self.progress = progress
  }

  /// - Throws: `ExperimentsError.interrupted`, or `.impossible` for pictures that no file holds.
  package func check(_ dataset: any ImageDataset) throws -> DatasetManifest {
    guard case .files(let root, let pictures) = dataset.content else {
      throw ExperimentsError.impossible(
        subject: dataset.name, message: "is drawn by the program; there is no file to check")
    }
    let cache = HashCache(folder: cacheFolder, root: root)
    let found = try examine(pictures, below: root, cache)
    cache.save()
    let listed = zip(pictures, found).map { picture, finding in
      DatasetManifest.Picture(
        path: "\(picture.path)", label: picture.label, bytes: finding.bytes,
        sha256: finding.digest.hexadecimal)
    }
    let unreadable = zip(listed, found).compactMap { picture, finding in
      finding.problem.map { DatasetManifest.Unreadable(path: picture.path, reason: $0) }
    }
    let isImageNet = dataset is ImageNetDataset
    return DatasetManifest(
      version: DatasetManifest.currentVersion, name: dataset.name, layout: dataset.layout,
      classes: dataset.classNames.count, warnings: dataset.warnings,
      fingerprint: ContentFingerprint.text(pictures, digests: found.map(\.digest)),
      pictures: listed, unreadable: unreadable, odd: Self.odd(listed, found),
      validationSet: isImageNet
        ? ValidationSetRules.judge(listed, unreadable: unreadable.count) : nil)
  }

  private struct Finding: Sendable {
    var bytes = 0
    var digest: [UInt8] = []
    var facts: PictureFacts?
    /// Why it cannot be decoded.
    var problem: String?
  }

  private func examine(
    _ pictures: [LabeledPicture], below root: PathBytes, _ cache: HashCache
  ) throws -> [Finding] {
    try PictureWork.results(
      count: pictures.count, threads: ProcessInfo.processInfo.activeProcessorCount,
      progress: { [progress] in progress("checking \(root): \($0) of \(pictures.count) pictures") },
      tool: { ImageDecoder() },
      work: { Self.examine(pictures[$1], below: root, $0, cache) })
  }

  private static func examine(
    _ picture: LabeledPicture, below root: PathBytes, _ decoder: ImageDecoder, _ cache: HashCache
  ) -> Finding {
    let path = picture.member?.archive ?? root / picture.path
    let offset = picture.member?.offset ?? 0
    var finding = Finding()
    let started = Date()
    do {
      let file = try RegularFile(
        path, maxBytes: picture.member == nil ? ImageFormat.maxBytes : .max)
      let bytes = try file.bytes(from: offset, count: picture.member?.size)
      finding.bytes = bytes.count
      finding.digest = SHA256.hash(data: bytes)
      if FileStatus(of: path) == file.status {
        cache.keep(finding.digest, of: file.status, offset: offset, at: started)
      }
      finding.facts = PictureFacts(bytes)
      _ = try decoder.check(bytes, name: "\(picture.path)")
    } catch let error as FileError {
      finding.problem = error.reason
      finding.digest = Array("unread: \(error.reason)".utf8)
    } catch {
      finding.problem = (error as? ImageError)?.reason ?? "\(error)"
    }
    return finding
  }

  private static func odd(
    _ pictures: [DatasetManifest.Picture], _ findings: [Finding]
  ) -> DatasetManifest.Odd {
    var odd = DatasetManifest.Odd()
    var seen: Set<String> = []
    for (picture, finding) in zip(pictures, findings) {
      if finding.problem == nil, !seen.insert(picture.sha256).inserted {
        odd.repeated.append(picture.path)
      }
      guard let facts = finding.facts else { continue }
      let suffix = PathBytes(picture.path).suffix.text ?? ""
      if let named = PictureFacts.format(ofSuffix: suffix), named != facts.format {
        odd.namedOtherwise.append("\(picture.path) (\(facts.format))")
      }
      if facts.components == 4 { odd.cmyk.append(picture.path) }
      if facts.components == 1 { odd.gray.append(picture.path) }
      if let orientation = facts.orientation, orientation > 1 { odd.turned.append(picture.path) }
    }
    return odd
  }
}

/// Known facts about ImageNet-1k's validation set.
enum ValidationSetRules {
  static let pictures = 50_000
  static let picturesOfClass = 50
  /// The size of the published archive in bytes.
  ///
  /// Source: torchvision 0.21, `datasets/imagenet.py`, whose MD5
  /// is of a file of this size.
  static let archiveBytes = 6_744_924_160

  /// - Parameter unreadable: Pictures that cannot be decoded.
  static func judge(
    _ found: [DatasetManifest.Picture], unreadable: Int
  ) -> DatasetManifest.ValidationSet {
    var reasons: [String] = []
    if found.count != pictures {
      reasons.append("it has \(counted(found.count, "picture")), not \(pictures)")
    }
    let counts = Dictionary(grouping: found, by: \.label).mapValues(\.count)
    if counts.count != 1000 { reasons.append("it has \(counts.count) classes, not 1000") }
    if let (label, count) = counts.sorted(by: { $0.key < $1.key })
      .first(where: { $0.value != picturesOfClass })
    {
      reasons.append("class \(label) has \(counted(count, "picture")), not \(picturesOfClass)")
    }
    if unreadable > 0 { reasons.append("\(counted(unreadable, "picture")) cannot be decoded") }
    if found.count == pictures, archiveSize(found.map(\.bytes)) != archiveBytes {
      reasons.append(
        "in an archive its pictures would take \(archiveSize(found.map(\.bytes))) bytes, and "
          + "the published archive has \(archiveBytes): some were compressed or edited anew")
    }
    return DatasetManifest.ValidationSet(
      isWhole: reasons.isEmpty,
      reasons: reasons.isEmpty
        ? [
          "50000 pictures, 50 of every class, and the bytes of the published archive"
        ] : reasons)
  }

  /// Bytes of a plain tar of files of these sizes: a header and whole blocks each, two blocks at
  /// the end, filled up to records of 20 blocks.
  static func archiveSize(_ sizes: [Int]) -> Int {
    let bytes = sizes.reduce(1024) { $0 + 512 + ($1 + 511) / 512 * 512 }
    return (bytes + 10_239) / 10_240 * 10_240
  }
}
