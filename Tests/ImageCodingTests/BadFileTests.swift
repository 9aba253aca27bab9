import Foundation
import ImageCoding
import Testing
import _TestSupport

private func fixture(_ name: String) throws -> [UInt8] {
  Array(try Data(contentsOf: Fixtures.url("formats/" + name)))
}

private func decode(_ bytes: [UInt8], _ name: String = "a.jpg") throws(ImageError) -> RGBImage {
  try ImageDecoder.withShared { decoder throws(ImageError) in
    try decoder.decode(bytes, name: name)
  }
}

/// The error from decoding `bytes`, or nil if it gives an image.
private func sentence(_ bytes: [UInt8]) -> String? {
  do {
    _ = try decode(bytes)
    return nil
  } catch {
    return error.description
  }
}

@Suite struct `Invalid image files` {
  @Test(arguments: [
    "rgb8.png", "rgba16_interlaced.png", "palette4.png", "grey1.png", "ycc420.jpg",
    "progressive.jpg", "cmyk.jpg", "restarts.jpg", "grey.jpg",
  ])
  func `a file truncated anywhere is an error`(name: String) throws {
    let bytes = try fixture(name)
    for length in 8..<bytes.count {
      #expect(throws: ImageError.self, "\(name) cut to \(length) bytes") {
        try decode(Array(bytes[..<length]))
      }
    }
  }

  @Test(arguments: ["rgb8.png", "palette8_trns.png", "ycc420.jpg", "progressive.jpg", "ycck.jpg"])
  func `a file with any changed byte gives an image or an error`(name: String) throws {
    let original = try fixture(name)
    var refused = 0
    for position in original.indices {
      var bytes = original
      bytes[position] ^= 0x55
      do {
        let image = try decode(bytes)
        #expect(image.pixels.count == 3 * image.width * image.height)
      } catch {
        refused += 1
      }
    }
    #expect(refused > 0)
  }

  @Test(arguments: ["rgb_raw.tif", "grey4_0.tif", "palette_lzw.tif", "rgb_jpeg.tif"])
  func `a TIFF with a height beyond its strips is damaged`(name: String) throws {
    var bytes = Array(try Data(contentsOf: Fixtures.url("other_formats/" + name)))
    // The height entry in a little-endian file: tag 257, one value of 16 or 32 bits.
    let entry = try #require(
      bytes.indices.dropLast(12).first { start in
        [3, 4].contains { bytes[start..<start + 8].elementsEqual([1, 1, $0, 0, 1, 0, 0, 0]) }
      })
    bytes[entry + 9] = 0x20
    let sentence = sentence(bytes)
    #expect(sentence?.contains("a part of its pixels is missing") == true, "\(sentence ?? "read")")
  }

  @Test(arguments: [
    "rgb24.bmp", "runs8.bmp", "palette4.bmp", "palette.gif", "palette_interlaced.gif",
    "lossy.webp", "lossless_alpha.webp", "rgb_raw.tif", "palette_lzw.tif", "tiles.tif",
    "rgb_jpeg.tif",
  ])
  func `truncated or changed files of other formats give an image or an error`(
    name: String
  ) throws {
    let original = Array(try Data(contentsOf: Fixtures.url("other_formats/" + name)))
    // Data after the last pixel: a trailer, padding, or a directory's resolution and software.
    let spare = name.hasSuffix("tif") ? (name.hasPrefix("palette") ? 1 : 200) : 5
    let needed = original.count - (name.hasSuffix("webp") ? 1 : spare)
    for position in stride(from: 8, to: original.count, by: 3) {
      #expect(throws: ImageError.self, "cut to \(position)") {
        _ = try decode(Array(original[..<min(position, needed)]))
      }
      var bytes = original
      bytes[position] ^= 0x55
      if let image = try? decode(bytes) {
        #expect(image.pixels.count == 3 * image.width * image.height)
      }
    }
  }

  @Test func `headers of other formats with too many pixels are refused`() throws {
    func claim(_ name: String, _ places: [(at: Int, bytes: [UInt8])]) throws -> String? {
      var bytes = Array(try Data(contentsOf: Fixtures.url("other_formats/" + name)))
      for place in places {
        bytes.replaceSubrange(place.at..<(place.at + place.bytes.count), with: place.bytes)
      }
      return sentence(bytes)
    }
    #expect(
      try claim("rgb24.bmp", [(18, [0xFF, 0xFF, 0xFF, 0x7F]), (22, [0xFF, 0xFF, 0xFF, 0x7F])])
        == "a.jpg: claims 2147483647 x 2147483647 pixels, more than the 178956970 allowed")
    #expect(
      try claim("palette.gif", [(6, [0xFF, 0xFF, 0xFF, 0xFF])])
        == "a.jpg: claims 65535 x 65535 pixels, more than the 178956970 allowed")
  }

  @Test func `a changed byte in a PNG's pixels is always detected`() throws {
    let original = try fixture("rgb8.png")
    for position in 60..<(original.count - 20) {
      var bytes = original
      bytes[position] ^= 1
      #expect(throws: ImageError.self) { try decode(bytes) }
    }
  }

  @Test func `a truncated file says so`() throws {
    let jpeg = try fixture("ycc420.jpg")
    #expect(
      sentence(Array(jpeg[..<800]))
        == "a.jpg: is a truncated JPEG (Premature end of JPEG file)")
    let png = try fixture("rgb8.png")
    #expect(
      sentence(Array(png[..<800]))
        == "a.jpg: is a truncated PNG (the file ends before the picture does)")
  }

  @Test func `missing image data is an error, although libjpeg only warns`() throws {
    var bytes = try fixture("restarts.jpg")
    let marker = try #require(
      bytes.indices.dropLast().last { bytes[$0] == 0xFF && bytes[$0 + 1] & 0xF8 == 0xD0 })
    bytes.replaceSubrange(marker..<(marker + 2), with: [])
    let text = try #require(sentence(bytes))
    #expect(text.hasPrefix("a.jpg: is a damaged JPEG (Corrupt JPEG data: "), "\(text)")
  }

  @Test func `an empty file, text and an unsupported format have their own errors`() {
    #expect(sentence([]) == "a.jpg: is empty")
    #expect(
      sentence(Array("hello world".utf8))
        == "a.jpg: is none of PNG, JPEG, WebP, BMP, GIF, TIFF (it begins with 68 65 6C 6C)")
    #expect(
      sentence(Array("GIF89a".utf8))
        == "a.jpg: is a truncated GIF (the file ends before the picture does)")
  }

  @Test func `a missing file and a folder have their own errors`() throws {
    let missing = "/nonexistent/picture.png"
    let folder = Fixtures.root.path
    #expect(throws: ImageError.unreadable(path: missing, reason: "no such file or directory")) {
      try ImageDecoder.withShared { try $0.decode(path: missing) }
    }
    #expect(
      throws: ImageError.refused(
        path: folder, reason: "is a folder; only regular files are read")
    ) {
      try ImageDecoder.withShared { try $0.decode(path: folder) }
    }
    #expect(
      ImageError.unreadable(path: missing, reason: "no such file or directory").description
        == "/nonexistent/picture.png: cannot be read (no such file or directory)")
  }

  @Test func `a header with too many pixels is refused before memory is allocated`()
    throws
  {
    var bytes = try fixture("ycc420.jpg")
    let frame = try #require(
      bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
    bytes.replaceSubrange((frame + 5)..<(frame + 9), with: [0xFF, 0x00, 0xFF, 0x00])
    #expect(
      sentence(bytes)
        == "a.jpg: claims 65280 x 65280 pixels, more than the 178956970 allowed")
  }

  @Test func `the content determines the format, not the name`() throws {
    #expect(try decode(fixture("rgb8.png"), "ILSVRC2012_val_00019877.JPEG").width == 29)
  }

  @Test func `a decoder can be used after an error`() throws {
    let decoder = ImageDecoder()
    let good = try fixture("ycc420.jpg")
    let expected = try decoder.decode(good, name: "good")
    for bad in [Array(good[..<500]), [], Array("no".utf8)] {
      #expect(throws: ImageError.self) { try decoder.decode(bad, name: "bad") }
      #expect(try decoder.decode(good, name: "good") == expected)
    }
  }
}
