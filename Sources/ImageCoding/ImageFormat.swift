/// The file formats that can be read.
///
/// Recognised by the first bytes, never by the name: ImageNet's validation set has a PNG named .JPEG.
package enum ImageFormat: String, Sendable, CustomStringConvertible {
  case png = "PNG"
  case jpeg = "JPEG"

  /// Pixels beyond which a file is refused: Pillow's limit against decompression bombs.
  package static let mostPixels = 178_956_970

  /// File name extensions, in lower case, that mark a file as a picture when a folder is listed.
  package static let fileExtensions: Set<String> = ["png", "jpg", "jpeg"]

  package var description: String { rawValue }

  /// The format whose signature `bytes` begins with.
  package init?(signature bytes: some Collection<UInt8>) {
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else {
      return nil
    }
  }
}
