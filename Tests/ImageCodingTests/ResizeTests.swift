import Foundation
import ImageCoding
import Records
import Tensors
import Testing
import _TestSupport

private let goldens = Fixtures.url("resize.safetensors")

private let cases: [String] =
  (try? SafetensorsFile(url: goldens))
  .map { $0.entries.keys.filter { $0.contains("_") }.sorted() }
  ?? []

@Suite struct `Resize and crop` {
  @Test func `there are goldens of both filters and both fits`() {
    #expect(cases.count == 56)
  }

  @Test(arguments: cases)
  func `pixels match Pillow exactly`(name: String) throws {
    let parts = name.split(separator: "_")
    let numbers = parts.suffix(2).compactMap { Int($0) }
    let preprocessing = Preprocessing(
      resize: numbers[0], crop: numbers[1],
      interpolation: try #require(.init(rawValue: String(parts[0]))),
      fit: try #require(.init(rawValue: "\(parts[1])_\(parts[2])")))
    let file = try SafetensorsFile(url: goldens)
    let ours = preprocessing.cropped(try image(String(parts[3]), in: file))
    #expect(ours == (try image(name, in: file)))
  }

  @Test func `the longer side is truncated to whole pixels`() {
    let preprocessing = Preprocessing(resize: 256, crop: 224)
    #expect(preprocessing.resizedSize(width: 500, height: 375) == (341, 256))
    #expect(preprocessing.resizedSize(width: 375, height: 500) == (256, 341))
    #expect(preprocessing.resizedSize(width: 300, height: 300) == (256, 256))
    #expect(
      Preprocessing(resize: 8, crop: 8, fit: .bothSides).resizedSize(width: 9, height: 3) == (8, 8))
  }

  @Test func `timm's crop fraction is rounded down`() {
    #expect(Preprocessing.timm(size: 224, cropFraction: 0.875).resize == 256)
    #expect(Preprocessing.timm(size: 224, cropFraction: 0.9).resize == 248)
    #expect(Preprocessing.timm(size: 224, cropFraction: 0.95).resize == 235)
    #expect(Preprocessing.timm(size: 518, cropFraction: 1).resize == 518)
  }

  @Test func `normalization matches torchvision in single precision`() throws {
    let preprocessing = Preprocessing(
      resize: 2, crop: 2, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
    let pixels: [UInt8] = [0, 128, 255, 1, 2, 3, 255, 255, 255, 17, 99, 203]
    var output = [Float](repeating: .nan, count: 12)
    output.withUnsafeMutableBufferPointer {
      preprocessing.apply(to: RGBImage(width: 2, height: 2, pixels: pixels), into: $0)
    }
    for channel in 0..<3 {
      for i in 0..<4 {
        let value = Float(pixels[3 * i + channel]) / 255
        #expect(
          output[4 * channel + i]
            == (value - preprocessing.mean[channel]) / preprocessing.std[channel])
      }
    }
  }

  @Test func `images normalized together equal those normalized one by one`() {
    let preprocessing = Preprocessing(resize: 30, crop: 24)
    let pictures = (0..<3).map { number in
      RGBImage(
        width: 40, height: 50,
        pixels: (0..<6000).map { UInt8(truncatingIfNeeded: $0 &* (7 + number) >> 2) })
    }
    let size = preprocessing.elementCount
    var pixels = [UInt8](repeating: 0, count: 3 * size)
    var together = [Float](repeating: .nan, count: 3 * size)
    var single = together
    for (number, picture) in pictures.enumerated() {
      let own = (number * size)..<((number + 1) * size)
      pixels.withUnsafeMutableBufferPointer {
        preprocessing.crop(picture, into: UnsafeMutableBufferPointer(rebasing: $0[own]))
      }
      single.withUnsafeMutableBufferPointer {
        preprocessing.apply(
          to: picture, into: UnsafeMutableBufferPointer(rebasing: $0[own]))
      }
    }
    pixels.withUnsafeBufferPointer { source in
      together.withUnsafeMutableBufferPointer {
        PixelNormalization(preprocessing).apply(to: source, into: $0)
      }
    }
    #expect(together == single)
  }

  @Test func `the description differs whenever a pixel does`() {
    let base = Preprocessing(resize: 256, crop: 224)
    let others = [
      Preprocessing(resize: 248, crop: 224), Preprocessing(resize: 256, crop: 256),
      Preprocessing(resize: 256, crop: 224, interpolation: .bilinear),
      Preprocessing(resize: 256, crop: 224, fit: .bothSides),
      Preprocessing(resize: 256, crop: 224, mean: [0.5, 0.5, 0.5]),
      Preprocessing(resize: 256, crop: 224, std: [0.5, 0.5, 0.5]),
    ]
    #expect(Set(([base] + others).map(\.text)).count == 7)
    #expect(
      base.text == "resize 256 (shorter side) bicubic antialiased, center crop 224, "
        + "mean 0.485/0.456/0.406, std 0.229/0.224/0.225")
  }

  private func image(_ name: String, in file: SafetensorsFile) throws -> RGBImage {
    let shape = try #require(file.entries[name]?.shape)
    return RGBImage(
      width: shape[1], height: shape[0],
      pixels: try file.integers(name).map(UInt8.init(truncatingIfNeeded:)))
  }
}
