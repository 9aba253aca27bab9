/// What an image file declares about itself before it is decoded: common causes of trouble in data
/// sets.
package struct PictureFacts: Hashable, Sendable {
  package let format: ImageFormat
  /// Components of a JPEG's pixels: 1 grey, 3 color, 4 CMYK; `nil` for other formats.
  package let components: Int?
  /// EXIF's orientation of a JPEG, 1 for upright, 2 to 8 for turned or mirrored; `nil` without one.
  package let orientation: Int?

  /// - Returns: `nil` for what begins as no picture does.
  package init?(_ bytes: [UInt8]) {
    guard let format = ImageFormat(signature: bytes) else { return nil }
    self.format = format
    guard format == .jpeg else {
      (components, orientation) = (nil, nil)
      return
    }
    var segments = JPEGSegments(bytes)
    var (components, orientation): (Int?, Int?) = (nil, nil)
    while components == nil, let segment = segments.next() {
      switch segment.marker {
      // Start of a frame of any kind; C4, C8 and CC are tables.
      case 0xC0...0xCF where ![0xC4, 0xC8, 0xCC].contains(segment.marker):
        components = segment.body.count > 5 ? Int(segment.body[segment.body.startIndex + 5]) : nil
      case 0xE1: orientation = orientation ?? Self.orientation(Array(segment.body))
      default: break
      }
    }
    (self.components, self.orientation) = (components, orientation)
  }

  /// The format that a file of this suffix should have; `nil` for a suffix of no picture.
  package static func format(ofSuffix suffix: String) -> ImageFormat? {
    switch suffix {
    case "png": .png
    case "jpg", "jpeg", "jpe", "jfif": .jpeg
    case "webp": .webp
    case "bmp", "dib": .bmp
    case "gif": .gif
    case "tif", "tiff": .tiff
    default: nil
    }
  }

  /// Tag 0x0112 of the first directory.
  ///
  /// Source: Exif 2.32, section 4.6.
  private static func orientation(_ body: [UInt8]) -> Int? {
    guard body.starts(with: [0x45, 0x78, 0x69, 0x66, 0, 0]) else { return nil }
    let tiff = Array(body.dropFirst(6))
    let isBig = tiff.first == 0x4D
    func number(_ offset: Int, _ count: Int) -> Int? {
      guard offset >= 0, offset + count <= tiff.count else { return nil }
      let bytes = tiff[offset..<(offset + count)]
      return (isBig ? Array(bytes) : bytes.reversed()).reduce(0) { $0 << 8 | Int($1) }
    }
    guard let directory = number(4, 4), let entries = number(directory, 2) else { return nil }
    for entry in 0..<entries {
      let start = directory + 2 + 12 * entry
      guard let tag = number(start, 2) else { return nil }
      if tag == 0x0112 { return number(start + 8, 2).flatMap { (1...8).contains($0) ? $0 : nil } }
    }
    return nil
  }
}

/// The segments of a JPEG up to its first scan.
private struct JPEGSegments: IteratorProtocol {
  private let bytes: [UInt8]
  private var position = 2

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func next() -> (marker: UInt8, body: ArraySlice<UInt8>)? {
    // Any number of fill bytes may stand before a marker.
    while position + 1 < bytes.count, bytes[position] == 0xFF, bytes[position + 1] == 0xFF {
      position += 1
    }
    guard position + 4 <= bytes.count, bytes[position] == 0xFF, bytes[position + 1] != 0xDA else {
      return nil
    }
    let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
    let end = position + 2 + length
    guard length >= 2, end <= bytes.count else { return nil }
    defer { position = end }
    return (bytes[position + 1], bytes[(position + 4)..<end])
  }
}
