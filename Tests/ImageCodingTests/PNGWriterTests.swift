import Foundation
import Testing

@testable import ImageCoding

@Suite struct PNGWriterTests {
  /// All byte values, in an uneven size.
  private let pixels = (0..<(7 * 53 * 3)).map { UInt8(truncatingIfNeeded: $0 &* 37) }

  @Test func `a written image is read back unchanged`() throws {
    let path = NSTemporaryDirectory() + UUID().uuidString + ".png"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try PNGWriter.write(pixels: pixels, width: 7, height: 53, to: path)
    let picture = try ImageDecoder().decode(path: path)
    #expect(picture == RGBImage(width: 7, height: 53, pixels: pixels))
    #expect(!FileManager.default.fileExists(atPath: path + ".part"))
  }

  @Test func `an image encoded in memory is read back unchanged`() throws {
    let path = NSTemporaryDirectory() + UUID().uuidString + ".png"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let picture = RGBImage(width: 7, height: 53, pixels: pixels)
    try Data(PNGWriter.data(picture)).write(to: URL(fileURLWithPath: path))
    #expect(try ImageDecoder().decode(path: path) == picture)
  }

  @Test func `an existing file is replaced`() throws {
    let path = NSTemporaryDirectory() + UUID().uuidString + ".png"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try PNGWriter.write(pixels: [1, 2, 3], width: 1, height: 1, to: path)
    try PNGWriter.write(pixels: [4, 5, 6], width: 1, height: 1, to: path)
    #expect(try ImageDecoder().decode(path: path).pixels == [4, 5, 6])
  }

  @Test func `too few bytes are refused before a file is created`() {
    let path = NSTemporaryDirectory() + UUID().uuidString + ".png"
    let error = #expect(throws: PNGWriteError.self) {
      try PNGWriter.write(pixels: [1, 2, 3, 4], width: 2, height: 1, to: path)
    }
    #expect(
      error?.description
        == "\(path): an image of this size has 6 bytes of RGB, but 4 were given")
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func `a missing folder gives an error with the file's name`() {
    let path = "/no/such/folder/image.png"
    let error = #expect(throws: PNGWriteError.self) {
      try PNGWriter.write(pixels: [1, 2, 3], width: 1, height: 1, to: path)
    }
    #expect(
      error?.description
        == "\(path): libpng could not write the file: No such file or directory")
  }
}
