import Testing

@testable import Datasets

@Suite struct DemoDatasetTests {
  @Test func `drawn bytes are pinned, so that no change of the generator goes unseen`() {
    let train = DemoDataset(split: .train)
    let validation = DemoDataset(split: .validation)
    #expect(fingerprint(train, indices: 0..<20) == 0xC930_1A60_6363_1697)
    #expect(fingerprint(train, indices: 31_990..<32_000) == 0xFBD6_DECB_880C_E3EC)
    #expect(fingerprint(validation, indices: 0..<20) == 0x4D10_AC40_0430_513C)
    #expect(
      fingerprint(DemoDataset(split: .train, seed: 7), indices: 0..<10) == 0xEFAA_F59A_80A4_A799)
  }

  @Test func `an image does not depend on those drawn before it`() {
    let dataset = DemoDataset(split: .train)
    let alone = dataset.image(index: 123)
    _ = dataset.image(index: 7)
    #expect(dataset.image(index: 123) == alone)
  }

  @Test func `every run of ten holds each class once`() {
    for split in DemoDataset.Split.allCases {
      let dataset = DemoDataset(split: split)
      for run in 0..<20 {
        let labels = (0..<10).map { dataset.label(index: 10 * run + $0) }
        #expect(labels.sorted() == Array(0..<10))
      }
    }
  }

  @Test func `classes are shuffled within their runs`() {
    let dataset = DemoDataset(split: .train)
    let orders = Set((0..<20).map { run in (0..<10).map { dataset.label(index: 10 * run + $0) } })
    #expect(orders.count == 20)
  }

  @Test func `the label of a drawn image is the one given without drawing`() {
    let dataset = DemoDataset(split: .validation)
    for index in 0..<20 {
      #expect(dataset.image(index: index).label == dataset.label(index: index))
    }
  }

  @Test func `splits and seeds share no image`() {
    let sets = [
      DemoDataset(split: .train), DemoDataset(split: .validation),
      DemoDataset(split: .train, seed: 2), DemoDataset(split: .validation, seed: 2),
    ]
    let images = sets.flatMap { set in (0..<50).map { set.image(index: $0).pixels } }
    #expect(Set(images).count == images.count)
  }

  @Test func `the object lies inside the image`() {
    let dataset = DemoDataset(split: .train)
    for index in 0..<200 {
      let image = dataset.image(index: index)
      let reach = (image.size + 1) / 2
      #expect(image.pixels.count == 96 * 96 * 3)
      #expect(DemoDataset.objectSizes.contains(image.size))
      #expect(image.centerX - reach >= 0 && image.centerX + reach < DemoDataset.imageSize)
      #expect(image.centerY - reach >= 0 && image.centerY + reach < DemoDataset.imageSize)
    }
  }

  @Test func `the place of the object is where a plain disc's color is`() throws {
    let dataset = DemoDataset(split: .train)
    let index = try #require((0..<10).first { dataset.label(index: $0) == 0 })
    let image = dataset.image(index: index)
    func pixel(_ x: Int, _ y: Int) -> [UInt8] {
      let offset = (y * DemoDataset.imageSize + x) * 3
      return Array(image.pixels[offset..<offset + 3])
    }
    let center = pixel(image.centerX, image.centerY)
    let reach = image.size / 2 - 1
    for (x, y) in [(reach, 0), (-reach, 0), (0, reach), (0, -reach)] {
      #expect(pixel(image.centerX + x, image.centerY + y) == center)
    }
  }

  @Test func `there are ten classes, each form plain and dotted`() {
    #expect(
      DemoDataset.classNames == [
        "disc_plain", "disc_dotted", "square_plain", "square_dotted", "triangle_plain",
        "triangle_dotted", "ring_plain", "ring_dotted", "cross_plain", "cross_dotted",
      ])
  }

  @Test func `the integer sine table is exact to one unit`() {
    #expect(DemoTrigonometry.cosine(0) == 1 << 14)
    #expect(DemoTrigonometry.sine(256) == 1 << 14)
    for angle in 0..<1024 {
      let (x, y) = (DemoTrigonometry.cosine(angle), DemoTrigonometry.sine(angle))
      #expect(abs(x * x + y * y - (1 << 28)) < 3 << 14)
      #expect(abs(DemoTrigonometry.cosine(angle + 512) + x) <= 1)
    }
  }

  /// FNV-1a, 64 bits, over labels, places and pixels.
  private func fingerprint(_ dataset: DemoDataset, indices: Range<Int>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    for index in indices {
      let image = dataset.image(index: index)
      for value in [image.label, image.centerX, image.centerY, image.size] {
        add(UInt8(truncatingIfNeeded: value))
      }
      image.pixels.forEach(add)
    }
    return hash
  }
}
