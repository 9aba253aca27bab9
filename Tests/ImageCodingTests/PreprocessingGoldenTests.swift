import Files
import Foundation
import ImageCoding
import Records
import Tensors
import Testing
import _TestSupport

private let crops = [
  ("crop0.875_resize256", Preprocessing.timm(size: 224, cropFraction: 0.875)),
  ("crop0.9_resize248", Preprocessing.timm(size: 224, cropFraction: 0.9)),
]

private let extraGoldens = ProcessInfo.processInfo.environment["LAB_EXTRA_GOLDENS"]

@Suite struct `Preprocessing goldens` {
  @Test func `every image of the fixtures matches`() throws {
    let goldens = try PreprocessGoldens(
      tensors: Fixtures.url("preprocess.safetensors"),
      pictures: Fixtures.url("pictures"))
    #expect(try check(goldens) == 12)
  }

  @Test(
    .enabled(
      if: extraGoldens != nil,
      "set LAB_EXTRA_GOLDENS to a folder of pictures and their preprocess.safetensors"))
  func `every image in the folder LAB_EXTRA_GOLDENS matches`() throws {
    let folder = URL(filePath: try #require(extraGoldens))
    let goldens = try PreprocessGoldens(
      tensors: folder.appending(path: "preprocess.safetensors"), pictures: folder)
    #expect(try check(goldens) > 0)
  }

  /// Compares all goldens of all images; returns the number of compared crops.
  private func check(_ goldens: PreprocessGoldens) throws -> Int {
    var (compared, normalized) = (0, 0)
    for picture in goldens.pictures {
      let name = picture.lastPathComponent
      let isLossless = picture.pathExtension == "png"
      let ours = try ImageDecoder.withShared { try $0.decode(path: picture.path) }
      let decoded = try goldens.pixels(of: picture, "decoded")
      if let decoded {
        let difference = PixelDifference(ours, decoded)
        #expect(difference.largest <= (isLossless ? 0 : 1), "\(name) decoded")
      }
      for (key, preprocessing) in crops {
        guard let expected = try goldens.pixels(of: picture, key) else { continue }
        compared += 1
        let difference = PixelDifference(preprocessing.cropped(ours), expected)
        #expect(difference.largest <= (isLossless ? 0 : 1), "\(name) \(key)")
        #expect(difference.mean < 1, "\(name) \(key)")
        if let decoded {
          #expect(preprocessing.cropped(decoded) == expected, "\(name) \(key), resize alone")
        }
      }
      normalized += try checkNormalized(goldens, picture)
    }
    // Some images have goldens of only one stage; none has no golden.
    let stored = goldens.file.entries.keys.count { $0.hasSuffix(".normalised_rows100_103") }
    #expect(stored > 0)
    #expect(normalized == stored)
    return compared
  }

  /// Returns the number of compared goldens of the image: one or none.
  private func checkNormalized(_ goldens: PreprocessGoldens, _ picture: URL) throws -> Int {
    let key =
      picture.deletingPathExtension().lastPathComponent + ".normalised_rows100_103"
    guard goldens.file.entries[key] != nil else { return 0 }
    let expected = try goldens.file.floats(key)
    let preprocessing = crops[0].1
    let ours = try load(picture.path, preprocessing)
    let oneLevel = 1 / (255 * (Preprocessing.imageNetStd.min() ?? 1))
    for c in 0..<3 {
      for i in 0..<(4 * 224) {
        let difference = abs(ours[(c * 224 + 100) * 224 + i] - expected[c * 4 * 224 + i])
        #expect(difference <= oneLevel, "\(picture.lastPathComponent), channel \(c), value \(i)")
      }
    }
    return 1
  }
}

func load(_ path: String, _ preprocessing: Preprocessing) throws -> [Float] {
  try [Float](unsafeUninitializedCapacity: preprocessing.elementCount) { buffer, count in
    try ImageDecoder.withShared { decoder throws(ImageError) in
      try decoder.load(path: PathBytes(path), preprocessing: preprocessing, into: buffer)
    }
    count = preprocessing.elementCount
  }
}
