import CPNG
import Foundation

/// Why a PNG file could not be written.
package enum PNGWriteError: Error, Equatable, CustomStringConvertible {
  case wrongByteCount(path: String, expected: Int, found: Int)
  case cannotEncode(path: String, reason: String)
  case cannotReplace(path: String, reason: String)

  package var description: String {
    switch self {
    case .wrongByteCount(let path, let expected, let found):
      "\(path): an image of this size has \(expected) bytes of RGB, but \(found) were given."
    case .cannotEncode(let path, let reason):
      "\(path): libpng could not write the file: \(reason)."
    case .cannotReplace(let path, let reason):
      "\(path): the finished file could not be moved into place: \(reason)."
    }
  }
}

/// Writes 8-bit RGB images as PNG files.
package enum PNGWriter {
  /// Writes an image under `path`, whole or not at all.
  ///
  /// The file is written beside `path` under a name ending in `.part` and then renamed, so that a
  /// reader never sees half of it. Compression is libpng's fast setting; pixels are stored exactly.
  ///
  /// - Parameters:
  ///   - pixels: Interleaved RGB, row by row, `[height * width * 3]`.
  ///   - width: Columns, at least 1.
  ///   - height: Rows, at least 1.
  ///   - path: The file to write; its folder must exist.
  /// - Throws: `PNGWriteError`.
  package static func write(pixels: [UInt8], width: Int, height: Int, to path: String) throws {
    let expected = width * height * 3
    guard pixels.count == expected, width > 0, height > 0 else {
      throw PNGWriteError.wrongByteCount(path: path, expected: expected, found: pixels.count)
    }
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    image.width = png_uint_32(width)
    image.height = png_uint_32(height)
    image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
    image.flags = png_uint_32(PNG_IMAGE_FLAG_FAST)

    let part = path + ".part"
    guard png_image_write_to_file(&image, part, 0, pixels, png_int_32(width * 3), nil) != 0 else {
      let reason = withUnsafeBytes(of: image.message) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      unlink(part)
      throw PNGWriteError.cannotEncode(path: path, reason: reason)
    }
    guard rename(part, path) == 0 else {
      let reason = String(cString: strerror(errno))
      unlink(part)
      throw PNGWriteError.cannotReplace(path: path, reason: reason)
    }
  }
}
