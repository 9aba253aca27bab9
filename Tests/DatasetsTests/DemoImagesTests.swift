import Datasets
import ImageCoding
import Records
import Testing

@Suite struct `The demo data set` {
  private let preprocessing = Preprocessing(resize: 96, crop: 96)

  @Test func `images are not resampled`() throws {
    let data = DemoImages(count: 12)
    let drawn = DemoDataset(split: .validation).image(index: 11)
    let ours = try pixels(of: data, at: 11, preprocessing)
    #expect(data.label(at: 11) == drawn.label)
    #expect(ours == drawn.pixels)
  }

  @Test func `images are resized for models of another size`() throws {
    let large = Preprocessing(resize: 112, crop: 100)
    let drawn = DemoDataset(split: .validation).image(index: 0)
    let image = RGBImage(width: 96, height: 96, pixels: drawn.pixels)
    #expect(
      try pixels(of: DemoImages(count: 1), at: 0, large) == large.cropped(image).pixels)
  }

  @Test func `the data set has names and a fingerprint`() {
    let data = DemoImages(count: 20)
    #expect(data.layout == "drawn by the program, val split, seed 1, 20 pictures")
    #expect(data.classNames == DemoDataset.classNames)
    let texts = [
      data, DemoImages(count: 21), DemoImages(count: 20, split: .train),
      DemoImages(count: 20, seed: 2),
    ].map { "\($0.content)" }
    #expect(Set(texts).count == 4)
    #expect("\(data.content)" == "\(DemoImages(count: 20).content)")
  }
}
