import Datasets
import ImageCoding
import Records
import Testing

@Suite struct `Decoding throughput` {
  @Test func `decoding counts complete passes over the images and their time`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["a/1.jpg", "a/2.jpg", "b/1.jpg"])
    let measured = try DecodingThroughput.measure(
      ClassFolderDataset(folder: folder.path), preprocessing: Preprocessing(resize: 16, crop: 16),
      batchSize: 2, threads: 1, minimumSeconds: 0.05)
    #expect(measured.images >= 3)
    #expect(measured.images % 3 == 0)
    #expect(measured.seconds >= 0.05)
    #expect(measured.processorSeconds > 0)
    #expect(
      abs(measured.imagesPerSecond * measured.seconds - Double(measured.images)) < 1e-6)
  }

  @Test func `decoding stops at an unreadable image`() throws {
    let folder = try TemporaryFolder()
    try folder.write("no picture", to: "a/1.jpg")
    #expect(throws: DatasetError.self) {
      try DecodingThroughput.measure(
        ClassFolderDataset(folder: folder.path), preprocessing: Preprocessing(resize: 8, crop: 8))
    }
  }
}
