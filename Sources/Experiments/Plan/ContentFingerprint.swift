import Datasets
import Files
import Foundation
import ImageCoding

/// The SHA-256 of a data set's content: names, labels and the bytes of every image.
///
/// It depends on bytes and not on timestamps, so replaced images give a different fingerprint, and
/// a copy on another machine the same one. ``HashCache`` keeps a file's hash, which is computed
/// again if the file's size, timestamps or location on disk have changed.
struct ContentFingerprint {
  /// The folder in which hashes are cached between runs; `nil` for no cache.
  let cacheFolder: URL?
  /// Receives the progress, at most once a second, after the first second.
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
      // Names cannot contain a zero byte.
      hash.update(data: picture.path.bytes + [0] + Array("\(picture.label)".utf8) + [0] + digest)
    }
    return hash.finalize().hexadecimal
  }

  /// The hashes of images, from the cache or from their bytes.
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

  /// The SHA-256 of an image's bytes, or a placeholder if it cannot be read.
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
      // The file changed while it was read: the hash is correct for what was read, but must not be
      // cached.
      if FileStatus(of: path) == file.status {
        cache.keep(digest, of: file.status, offset: offset, at: started)
      }
      return digest
    } catch {
      return Array("unread: \(error.reason)".utf8)
    }
  }
}
