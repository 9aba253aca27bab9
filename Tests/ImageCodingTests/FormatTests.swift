import Foundation
import ImageCoding
import Tensors
import Testing
import _TestSupport

private let formats = Fixtures.url("formats")

private let names: [String] =
  (try? SafetensorsFile(url: Fixtures.url("formats.safetensors")))
  .map { $0.entries.keys.sorted() } ?? []

private let otherNames: [String] =
  (try? SafetensorsFile(url: Fixtures.url("other_formats.safetensors")))
  .map { $0.entries.keys.sorted() } ?? []

@Suite struct `Kinds of images` {
  @Test(arguments: names)
  func `every kind of file has the same pixels as with Pillow`(name: String) throws {
    let expected = try SafetensorsFile(url: Fixtures.url("formats.safetensors"))
    let shape = try #require(expected.entries[name]?.shape)
    let ours = try ImageDecoder.withShared {
      try $0.decode(path: formats.appending(path: name).path)
    }
    let pillow = RGBImage(
      width: shape[1], height: shape[0],
      pixels: try expected.integers(name).map(UInt8.init(truncatingIfNeeded:)))
    let difference = PixelDifference(ours, pillow)
    #expect(difference.largest <= (name.hasSuffix("png") ? 0 : 1))
    #expect(difference.mean < 0.1)
  }

  @Test func `there is a fixture for every kind`() {
    #expect(names.count == 36)
    #expect(otherNames.count == 80)
  }

  @Test(arguments: otherNames)
  func `every other format has the same pixels as with Pillow`(name: String) throws {
    let expected = try SafetensorsFile(url: Fixtures.url("other_formats.safetensors"))
    let shape = try #require(expected.entries[name]?.shape)
    let ours = try ImageDecoder.withShared {
      try $0.decode(path: Fixtures.url("other_formats/" + name).path)
    }
    let pillow = RGBImage(
      width: shape[1], height: shape[0],
      pixels: try expected.integers(name).map(UInt8.init(truncatingIfNeeded:)))
    let difference = PixelDifference(ours, pillow)
    // The reference decoder of lossy data may be another version of the library.
    #expect(difference.largest <= (name.contains("lossy") || name.contains("jpeg") ? 1 : 0))
  }
}
