import CPNG
import Files
import Foundation

/// Why a PNG file could not be written.
package enum PNGWriteError: Error, Equatable, CustomStringConvertible {
  case wrongByteCount(path: String, expected: Int, found: Int)
  case cannotEncode(path: String, reason: String)
  case cannotReplace(path: String, reason: String)
  case cannotCompress(reason: String)

  package var description: String {
    switch self {
    case .wrongByteCount(let path, let expected, let found):
      "\(path): an image of this size has \(expected) bytes of RGB, but \(found) were given"
    case .cannotEncode(let path, let reason):
      "\(path): libpng could not write the file: \(reason)"
    case .cannotReplace(let path, let reason):
      "\(path): the finished file could not be moved into place: \(reason)"
    case .cannotCompress(let reason): "the picture could not be made a PNG: \(reason)"
    }
  }
}

/// Writes 8-bit RGB images as PNG files.
package enum PNGWriter {
  /// Writes an image under `path`, whole or not at all.
  ///
  /// The file is written next to `path` under a name ending in `.part` and then renamed, so that a
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
    var image = description(width: width, height: height)
    image.flags = png_uint_32(PNG_IMAGE_FLAG_FAST)
    let part = path + ".part"
    guard png_image_write_to_file(&image, part, 0, pixels, png_int_32(width * 3), nil) != 0 else {
      unlink(part)
      throw PNGWriteError.cannotEncode(path: path, reason: message(image))
    }
    guard rename(part, path) == 0 else {
      let reason = systemReason()
      unlink(part)
      throw PNGWriteError.cannotReplace(path: path, reason: reason)
    }
  }

  /// The bytes of a PNG file with the pixels of an image, compressed well.
  ///
  /// - Throws: `PNGWriteError.cannotCompress`.
  package static func data(_ picture: RGBImage) throws -> [UInt8] {
    var image = description(width: picture.width, height: picture.height)
    let stride = png_int_32(picture.width * 3)
    var count = 0
    guard png_image_write_to_memory(&image, nil, &count, 0, picture.pixels, stride, nil) != 0
    else { throw PNGWriteError.cannotCompress(reason: message(image)) }
    var bytes = [UInt8](repeating: 0, count: count)
    guard png_image_write_to_memory(&image, &bytes, &count, 0, picture.pixels, stride, nil) != 0
    else { throw PNGWriteError.cannotCompress(reason: message(image)) }
    return Array(bytes.prefix(count))
  }

  private static func description(width: Int, height: Int) -> png_image {
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    image.width = png_uint_32(width)
    image.height = png_uint_32(height)
    image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR)
    return image
  }

  private static func message(_ image: png_image) -> String {
    withUnsafeBytes(of: image.message) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
