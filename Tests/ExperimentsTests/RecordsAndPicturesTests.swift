import Foundation
import Testing
import _TestSupport

@testable import Experiments

@Suite struct RecordsAndPicturesTests {
  /// Images of equal size in bytes, one per class, whose contents determine the labels.
  private func write(_ order: [Int], in folder: TemporaryFolder) throws -> String {
    let root = folder.url.appendingPathComponent("images")
    let original = Array(try Data(contentsOf: Fixtures.url("formats/rgb8.png")))
    for (place, content) in order.enumerated() {
      let file = root.appendingPathComponent("class\(place)/1.png")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      // Data after a PNG's end changes the bytes but not the pixels; the size stays the same.
      try Data(original + [UInt8(content)]).write(to: file)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: file.path)
    }
    return root.path
  }

  private func spec(_ dataset: String) -> String {
    MicroRun.spec(
      #""latency": false, "dataset": {"folder": "\#(dataset)"}, "methods": [{"method": "none"}]"#
    ).replacing(#""latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1},"#, with: "")
  }

  @Test func `replaced images are measured again`() throws {
    let folder = try TemporaryFolder()
    let first = try MicroRun(spec(try write(Array(0..<10), in: folder)), in: folder)
    #expect(try first.runner.run().measured == 1)
    let same = try MicroRun(spec(try write(Array(0..<10), in: folder)), in: folder)
    #expect(try same.runner.openTrials(same.runner.plan()).isEmpty)
    let other = try MicroRun(spec(try write((0..<10).reversed(), in: folder)), in: folder)
    #expect(try other.runner.openTrials(other.runner.plan()).count == 1)
  }

  @Test func `an unreadable data set fails every time`() throws {
    let folder = try TemporaryFolder()
    let root = folder.url.appendingPathComponent("images")
    for place in 0..<10 {
      let file = root.appendingPathComponent("class\(place)/1.png")
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("broken".utf8).write(to: file)
    }
    let text = spec(root.path).replacing(
      #""latency": false"#, with: #""latency": false, "on_bad_image": "skip""#)
    for _ in 0..<2 {
      let failures = try MicroRun(text, in: folder).runner.run().failures
      #expect(
        failures == [
          RunFailure(
            label: "accuracy on images",
            message: "none of the 10 pictures could be read; the first: \(root.path)/class0/1.png "
              + "is none of PNG, JPEG, WebP, BMP, GIF, TIFF (it begins with 62 72 6F 6B)")
        ])
    }
  }
}
