import Files
import Foundation
import ImageCoding
import Records

/// An image: it is decoded, then preprocessed for a model.
///
/// A changed PNG rarely keeps valid checksums, so it is read unchanged and with repaired ones.
enum PictureInput {
  static let formats = ["png", "jpg", "webp", "gif", "tif", "bmp"]

  private static let preprocessing = Preprocessing(resize: 24, crop: 20)

  static func read(_ bytes: [UInt8], _ folder: URL) throws {
    let mended = withChecksums(bytes)
    if mended != bytes { try? decode(mended, folder) }
    try decode(bytes, folder)
  }

  private static func decode(_ bytes: [UInt8], _ folder: URL) throws {
    let image = try ImageDecoder.withShared { decoder throws(ImageError) in
      try decoder.check(bytes, name: "input")
    }
    // Most changed files keep the image's size; only small ones are preprocessed.
    guard image.width * image.height <= 1 << 14 else { return }
    let file = folder.appendingPathComponent("input")
    try Data(bytes).write(to: file)
    var values = [Float](repeating: .nan, count: 3 * 20 * 20)
    try values.withUnsafeMutableBufferPointer { output in
      try ImageDecoder.withShared { decoder throws(ImageError) in
        try decoder.load(path: PathBytes(file.path), preprocessing: preprocessing, into: output)
      }
    }
    precondition(values.allSatisfy(\.isFinite), "a value that is no number")
  }

  /// A PNG with valid checksums in its chunks; other files unchanged.
  static func withChecksums(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else { return bytes }
    var mended = bytes
    var start = 8
    while start + 12 <= mended.count {
      let length = mended[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
      let end = start + 8 + length
      guard end + 4 <= mended.count else { break }
      let checksum = crc32(mended[start + 4..<end])
      for byte in 0..<4 {
        mended[end + byte] = UInt8(truncatingIfNeeded: checksum >> (24 - 8 * byte))
      }
      start = end + 4
    }
    return mended
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1
    }
  }

  private static func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
  }
}
