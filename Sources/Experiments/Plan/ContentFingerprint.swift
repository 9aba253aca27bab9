import Datasets
import Files
import Foundation
import ImageCoding

/// The SHA-256 of what a data set holds: names, labels and the bytes of every picture.
///
/// Bytes and not times decide, so that pictures that were exchanged are another set and a copy on
/// another machine is the same one. A file's hash is kept by ``HashCache`` and taken again when its
/// size, times or place on the disk say that it may have changed.
struct ContentFingerprint {
  /// Where hashes are kept between runs; `nil` keeps none.
  let cacheFolder: URL?
  /// Told how far it is, at most once a second, from the first second on.
  let progress: @Sendable (String) -> Void

  /// - Throws: `ExperimentsError.interrupted`.
  func text(of content: DatasetContent) throws -> String {
    switch content {
    case .drawn(let text): return SHA256.hash(data: Data(text.utf8)).hexadecimal
    case .files(let root, let files):
      return Self.text(files, digests: try digests(of: files, below: root))
    }
  }

  /// The fingerprint of pictures whose hashes are known.
  static func text(_ pictures: [LabeledPicture], digests: [[UInt8]]) -> String {
    var hash = SHA256()
    for (picture, digest) in zip(pictures, digests) {
      // No name holds a zero.
      hash.update(data: picture.path.bytes + [0] + Array("\(picture.label)".utf8) + [0] + digest)
    }
    return hash.finalize().hexadecimal
  }

  /// The hashes of pictures, those that are kept or those of the bytes.
  ///
  /// - Throws: `ExperimentsError.interrupted`.
  func digests(of pictures: [LabeledPicture], below root: PathBytes) throws -> [[UInt8]] {
    let cache = HashCache(folder: cacheFolder, root: root)
    defer { cache.save() }
    return try PictureWork.results(
      count: pictures.count, threads: 2 * ProcessInfo.processInfo.activeProcessorCount,
      progress: { [progress] in
        progress("reading \(root) for its fingerprint: \($0) of \(pictures.count) pictures")
      }, tool: { FileHasher() },
      work: { $0.digest(of: pictures[$1], below: root, cache) })
  }
}

/// Hashes files one after the other, through one buffer.
private struct FileHasher {
  private static let partBytes = 1 << 18
  private var buffer = [UInt8](repeating: 0, count: partBytes)

  /// The SHA-256 of a picture's bytes, or what stands for one that cannot be read.
  mutating func digest(
    of picture: LabeledPicture, below root: PathBytes, _ cache: HashCache
  ) -> [UInt8] {
    let path = picture.member?.archive ?? root / picture.path
    let offset = picture.member?.offset ?? 0
    if let status = FileStatus(of: path), let known = cache.digest(of: status, offset: offset) {
      return known
    }
    let started = Date()
    do throws(FileError) {
      let file = try RegularFile(
        path, maxBytes: picture.member == nil ? ImageFormat.maxBytes : .max)
      let end = if let member = picture.member { offset + member.size } else { file.size }
      var hash = SHA256()
      var position = offset
      while true {
        var count = 0
        let wanted = min(Self.partBytes, max(0, end - position))
        var failure: FileError?
        buffer.withUnsafeMutableBytes { bytes in
          do throws(FileError) {
            count = try file.read(
              into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<wanted]), from: position)
          } catch {
            failure = error
          }
          hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
        if let failure { throw failure }
        position += count
        if count < Self.partBytes { break }
      }
      let digest = hash.finalize()
      // Written to meanwhile: true of what was read, and not to be kept.
      if FileStatus(of: path) == file.status {
        cache.keep(digest, of: file.status, offset: offset, at: started)
      }
      return digest
    } catch {
      return Array("unread: \(error.reason)".utf8)
    }
  }
}
