/// The file formats that can be read.
///
/// Recognized by the first bytes, never by the name: ImageNet's validation set has a PNG named
/// .JPEG.
package enum ImageFormat: String, CaseIterable, Sendable, CustomStringConvertible {
  case png = "PNG"
  case jpeg = "JPEG"
  case webp = "WebP"
  case bmp = "BMP"
  case gif = "GIF"
  case tiff = "TIFF"

  /// Pixels beyond which a file is refused: Pillow's limit against decompression bombs.
  package static let maxPixels = 178_956_970

  /// Bytes beyond which a file is refused: twice the pixels of the largest picture.
  package static let maxBytes = 1 << 30

  /// Bytes that tell the formats apart.
  static let signatureBytes = 16

  /// File name extensions, in lower case, that mark a file as a picture when a folder is listed.
  package static let fileExtensions: Set<String> = [
    "png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "dib", "gif", "tif", "tiff",
  ]

  /// The supported formats as text.
  package static let names = allCases.map(\.rawValue).joined(separator: ", ")

  /// Extensions of unsupported image formats, so that none is left out silently.
  package static let otherExtensions: Set<String> = [
    "avif", "heic", "heif", "jxl", "jp2", "j2k", "ppm",
    "pgm", "pbm",
    "pnm", "ico", "svg", "psd", "tga", "exr", "hdr", "dng", "cr2", "nef", "arw", "raw",
  ]

  package var description: String { rawValue }

  /// The format whose signature `bytes` begins with.
  package init?(signature bytes: some Collection<UInt8>) {
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WEBP".utf8) {
      self = .webp
    } else if bytes.starts(with: "BM".utf8) {
      self = .bmp
    } else if bytes.starts(with: "GIF87a".utf8) || bytes.starts(with: "GIF89a".utf8) {
      self = .gif
    } else if [
      [0x49, 0x49, 0x2A, 0], [0x4D, 0x4D, 0, 0x2A], [0x49, 0x49, 0x2B, 0], [0x4D, 0x4D, 0, 0x2B],
    ]
    .contains(where: { bytes.starts(with: $0 as [UInt8]) }) {
      self = .tiff
    } else {
      return nil
    }
  }
}
