import ImageCoding
import Records
import Support

/// The drawn demo data set as an ``ImageDataset``.
///
/// Pictures whose size the preprocessing asks for are not resampled.
package struct DemoImages: ImageDataset {
  package let name = "demo"
  package let count: Int
  private let images: DemoDataset

  /// The first `count` pictures of a split.
  package init(
    count: Int, split: DemoDataset.Split = .validation,
    seed: UInt64 = DemoDataset.defaultSeed
  ) {
    precondition(count > 0, "A data set has pictures.")
    self.count = count
    images = DemoDataset(split: split, seed: seed)
  }

  package var layout: String {
    "drawn by the program, \(images.split.rawValue) split, seed \(images.seed), "
      + counted(count, "picture")
  }

  package var classNames: [String] { DemoDataset.classNames }

  /// Seed, split and count determine the pictures; the sum over the first ones changes if the
  /// program comes to draw others.
  package var content: DatasetContent {
    var sum: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in 0..<min(count, DemoDataset.classNames.count) {
      for byte in images.image(index: index).pixels {
        sum = (sum ^ UInt64(byte)) &* 0x100_0000_01b3
      }
    }
    return .drawn(
      "demo \(images.split.rawValue) seed \(images.seed) count \(count) pixels \(sum)\n")
  }

  package func label(at index: Int) -> Int { images.label(index: index) }

  package func path(at index: Int) -> String { "demo picture \(index)" }

  package func decode(
    at index: Int, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<UInt8>
  ) {
    let side = DemoDataset.imageSize
    let image = RGBImage(width: side, height: side, pixels: images.image(index: index).pixels)
    preprocessing.crop(image, into: output)
  }
}
