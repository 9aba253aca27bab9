import Foundation
import ImageCoding
import Tensors

/// The golden crops of some images: `preprocess.safetensors` and the folder of the files.
struct PreprocessGoldens {
  let file: SafetensorsFile
  let pictures: [URL]

  init(tensors: URL, pictures folder: URL) throws {
    file = try SafetensorsFile(url: tensors)
    pictures = try FileManager.default
      .contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { ImageFormat.fileExtensions.contains($0.pathExtension.lowercased()) }
      .sorted { $0.path < $1.path }
  }

  /// The golden `<picture>.<key>` as `[height][width][3]`, or nil if there is none.
  func pixels(of picture: URL, _ key: String) throws -> RGBImage? {
    let name = picture.deletingPathExtension().lastPathComponent + "." + key
    guard let shape = file.entries[name]?.shape else { return nil }
    let planes = try file.integers(name).map(UInt8.init(truncatingIfNeeded:))
    let (height, width) = (shape[1], shape[2])
    var pixels = [UInt8]()
    for i in 0..<(height * width) {
      for c in 0..<3 { pixels.append(planes[(shape[0] == 3 ? c : 0) * height * width + i]) }
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }
}

/// The difference of two images of the same size.
struct PixelDifference {
  var largest = 0
  var mean = 0.0
  var differing = 0

  init(_ a: RGBImage, _ b: RGBImage) {
    guard a.width == b.width, a.height == b.height else {
      largest = 255
      return
    }
    var sum = 0
    for (x, y) in zip(a.pixels, b.pixels) {
      let distance = abs(Int(x) - Int(y))
      largest = max(largest, distance)
      sum += distance
      if distance > 0 { differing += 1 }
    }
    mean = Double(sum) / Double(a.pixels.count)
  }
}
