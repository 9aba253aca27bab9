import Datasets
import Files
import Foundation
import ImageCoding
import Records

/// A tar archive of images: it is listed, and every image is decoded in place.
///
/// A changed header seldom keeps a valid checksum, so an archive is read unchanged and with
/// repaired checksums.
enum ArchiveInput {
  static func read(_ bytes: [UInt8], _ folder: URL) throws {
    let mended = withChecksums(bytes)
    if mended != bytes { try? open(mended, folder) }
    try open(bytes, folder)
  }

  private static func open(_ bytes: [UInt8], _ folder: URL) throws {
    let url = folder.appendingPathComponent("input.tar")
    try Data(bytes).write(to: url)
    let dataset = try ClassFolderDataset(folder: url.path)
    let preprocessing = Preprocessing.timm(size: 8, cropFraction: 1)
    var values = [UInt8](repeating: 0, count: 3 * 8 * 8)
    for index in 0..<dataset.count {
      precondition(dataset.classNames.indices.contains(dataset.label(at: index)))
      try? values.withUnsafeMutableBufferPointer {
        try dataset.decode(at: index, preprocessing: preprocessing, into: $0)
      }
    }
  }

  /// The archive with valid checksums in all headers that can be reached by their sizes.
  private static func withChecksums(_ bytes: [UInt8]) -> [UInt8] {
    var mended = bytes
    var start = 0
    while start + 512 <= mended.count {
      for place in 148..<156 { mended[start + place] = 32 }
      let sum = mended[start..<start + 512].reduce(0) { $0 + Int($1) }
      guard sum > 8 * 32 else { return bytes.starts(with: mended[..<start]) ? bytes : mended }
      let text = String(sum, radix: 8)
      let digits = Array((String(repeating: "0", count: max(0, 6 - text.count)) + text).utf8)
      for (place, byte) in (digits + [0]).enumerated() { mended[start + 148 + place] = byte }
      let size = String(decoding: mended[start + 124..<start + 135], as: UTF8.self)
      guard let count = Int(size, radix: 8), count >= 0, count < mended.count else { break }
      start += 512 + (count + 511) / 512 * 512
    }
    return mended
  }
}
