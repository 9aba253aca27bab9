import Foundation
import ImageCoding
import Records
import Testing
import _TestSupport

@testable import Datasets

/// Data sets with changed correct labels or scored classes.
@Suite struct `Scoring over some of the classes` {
  /// Images that are never decoded.
  private struct Pictures: ImageDataset {
    let labels: [Int]
    var names: [String]?
    let name = "pictures"
    let layout = "files"
    var classNames: [String] { (0..<10).map { "class \($0)" } }
    var count: Int { labels.count }
    var content: DatasetContent { .drawn("x") }
    func label(at index: Int) -> Int { labels[index] }
    func path(at index: Int) -> String { names?[index] ?? "\(index).png" }
    func decode(
      at index: Int, preprocessing: Preprocessing, into output: UnsafeMutableBufferPointer<UInt8>
    ) throws {}
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch { return "\(error)" }
  }

  @Test func `only the classes present are scored`() throws {
    let scored = try ScoredDataset(Pictures(labels: [7, 2, 7]), valid: .present)
    #expect(scored.validClasses == [2, 7])
    #expect(scored.layout == "files; scored over 2 of 10 classes")
    #expect(scored.scoring == "labels own classes 2,7")
    let subset = SubsetDataset(scored, limit: 1, seed: 1)
    #expect(subset.validClasses == [2, 7])
    #expect(subset.scoring == scored.scoring)
  }

  @Test func `invalid classes are refused`() {
    let pictures = Pictures(labels: [7, 2])
    #expect(
      message { _ = try ScoredDataset(pictures, valid: .listed([2, 7, 10])) }
        == "\"valid_classes\" has 10, and pictures's classes go from 0 to 9")
    #expect(
      message { _ = try ScoredDataset(pictures, valid: .listed([7])) }
        == "\"valid_classes\" leaves out 2 (class 2), which pictures of pictures have; "
        + "\"present\" takes the classes that there are")
  }

  @Test func `an image may have several correct labels; one without any is left out`() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).json")
    defer { try? FileManager.default.removeItem(at: url) }
    try Data("[[3], [], [5, 1]]".utf8).write(to: url)
    let names = (1...3).map { "val/ILSVRC2012_val_0000000\($0).JPEG" }
    let scored = try ScoredDataset(
      Pictures(labels: [3, 4, 1], names: names), valid: .all,
      reassessed: ReassessedLabels(file: url.path))
    #expect(scored.count == 2)
    #expect(scored.rightLabels(at: 1) == [5, 1])
    #expect(scored.path(at: 1) == names[2])
    #expect(SubsetDataset(scored, limit: 2, seed: 0).count == 2)
    #expect(
      message {
        _ = try ScoredDataset(
          Pictures(labels: [3]), valid: .all, reassessed: ReassessedLabels(file: url.path))
      }.hasSuffix("and 0.png has none of them"))
    try Data("{}".utf8).write(to: url)
    #expect(
      message { _ = try ReassessedLabels(file: url.path) }.hasSuffix(
        "it is no list of lists of labels, as real.json of reassessed-imagenet is"))
  }
}
