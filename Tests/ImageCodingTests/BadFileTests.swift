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

/// The sentence that decoding `bytes` throws, or nil if it gives a picture.
private func sentence(_ bytes: [UInt8]) -> String? {
  do {
    _ = try decode(bytes)
    return nil
  } catch {
    return error.description
  }
}

@Suite struct `Bad picture files` {
  @Test(arguments: [
    "rgb8.png", "rgba16_interlaced.png", "palette4.png", "grey1.png", "ycc420.jpg",
    "progressive.jpg", "cmyk.jpg", "restarts.jpg", "grey.jpg",
  ])
  func `a file cut anywhere is an error`(name: String) throws {
    let bytes = try fixture(name)
    for length in 8..<bytes.count {
      #expect(throws: ImageError.self, "\(name) cut to \(length) bytes") {
        try decode(Array(bytes[..<length]))
      }
    }
  }

  @Test(arguments: ["rgb8.png", "palette8_trns.png", "ycc420.jpg", "progressive.jpg", "ycck.jpg"])
  func `a file with any byte changed gives a picture or an error`(name: String) throws {
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

  @Test func `a changed byte in a PNG's pixels is always seen`() throws {
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
        == "a.jpg is a truncated JPEG (Premature end of JPEG file).")
    let png = try fixture("rgb8.png")
    #expect(
      sentence(Array(png[..<800]))
        == "a.jpg is a truncated PNG (the file ends before the picture does).")
  }

  @Test func `lost picture data are an error though libjpeg only warns`() throws {
    var bytes = try fixture("restarts.jpg")
    let marker = try #require(
      bytes.indices.dropLast().last { bytes[$0] == 0xFF && bytes[$0 + 1] & 0xF8 == 0xD0 })
    bytes.replaceSubrange(marker..<(marker + 2), with: [])
    let text = try #require(sentence(bytes))
    #expect(text.hasPrefix("a.jpg is a damaged JPEG (Corrupt JPEG data: "), "\(text)")
  }

  @Test func `an empty file, text and an unread format each have their sentence`() {
    #expect(sentence([]) == "a.jpg is empty.")
    #expect(
      sentence(Array("hello world".utf8))
        == "a.jpg is neither PNG nor JPEG (it begins with 68 65 6C 6C).")
    #expect(
      sentence(Array("GIF89a".utf8))
        == "a.jpg is neither PNG nor JPEG (it begins with 47 49 46 38).")
  }

  @Test func `a missing file and a folder each have their sentence`() throws {
    let missing = "/nonexistent/picture.png"
    let folder = Fixtures.root.path
    #expect(throws: ImageError.unreadable(path: missing, reason: "No such file or directory")) {
      try ImageDecoder.withShared { try $0.decode(path: missing) }
    }
    #expect(throws: ImageError.unreadable(path: folder, reason: "Is a directory")) {
      try ImageDecoder.withShared { try $0.decode(path: folder) }
    }
    #expect(
      ImageError.unreadable(path: missing, reason: "No such file or directory").description
        == "/nonexistent/picture.png cannot be read (No such file or directory).")
  }

  @Test func `a header that claims more pixels than anyone has is refused before memory is taken`()
    throws
  {
    var bytes = try fixture("ycc420.jpg")
    let frame = try #require(
      bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
    bytes.replaceSubrange((frame + 5)..<(frame + 9), with: [0xFF, 0x00, 0xFF, 0x00])
    #expect(
      sentence(bytes)
        == "a.jpg claims 65280 x 65280 pixels, more than the 178956970 allowed.")
  }

  @Test func `the content decides on the format, not the name`() throws {
    #expect(try decode(fixture("rgb8.png"), "ILSVRC2012_val_00019877.JPEG").width == 29)
  }

  @Test func `a decoder works on after an error`() throws {
    let decoder = ImageDecoder()
    let good = try fixture("ycc420.jpg")
    let expected = try decoder.decode(good, name: "good")
    for bad in [Array(good[..<500]), [], Array("no".utf8)] {
      #expect(throws: ImageError.self) { try decoder.decode(bad, name: "bad") }
      #expect(try decoder.decode(good, name: "good") == expected)
    }
  }
}
