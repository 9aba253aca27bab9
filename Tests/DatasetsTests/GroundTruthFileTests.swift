import Datasets
import Foundation
import Testing

/// Label files with the quirks of editors and file systems.
@Suite struct `Label files` {
  private static let pictures = (1...2).map { "ILSVRC2012_val_0000000\($0).JPEG" }

  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.addPictures(Self.pictures)
  }

  private func labels() throws -> [Int] {
    let data = try ImageNetDataset(folder: folder.path)
    return (0..<data.count).map(data.label(at:))
  }

  @Test(arguments: [
    ("val.txt", "\u{FEFF}ILSVRC2012_val_00000001.JPEG 65\nILSVRC2012_val_00000002.JPEG 970\n"),
    ("val.txt", "  ILSVRC2012_val_00000001.JPEG\t65 \r\n\r\nILSVRC2012_val_00000002.JPEG 970"),
    ("ILSVRC2012_validation_ground_truth.txt", "490 \n361\t\n"),
    ("ILSVRC2012_validation_ground_truth.txt", "\u{FEFF}490\r\n361\r\n"),
    (
      "LOC_val_solution.csv",
      "\u{FEFF}ImageId,PredictionString\nILSVRC2012_val_00000001,n01751748 1 2 3 4 \nILSVRC2012_val_00000002,n09193705 1 2 3 4\n"
    ),
    ("imagenet_2012_validation_synset_labels.txt", "\u{FEFF}n01751748 \nn09193705\n"),
  ])
  func `a byte order mark and trailing spaces are ignored`(name: String, text: String) throws {
    try folder.write(text, to: name)
    #expect(try labels() == [65, 970])
  }

  @Test func `an error names the line in the file`() throws {
    try folder.write("\n\nILSVRC2012_val_00000001.JPEG\n", to: "val.txt")
    #expect(
      sentence(in: folder) { try labels() }
        == "DIR/val.txt: line 3 is 'ILSVRC2012_val_00000001.JPEG', not a file name and a label")
  }

  @Test func `a pipe and an endless device are refused`() throws {
    #expect(mkfifo(folder.path + "/val.txt", 0o600) == 0)
    #expect(
      sentence(in: folder) { try labels() }
        == "DIR/val.txt: is a pipe; only regular files are read")
    #expect(unlink(folder.path + "/val.txt") == 0)
    #expect(symlink("/dev/zero", folder.path + "/val.txt") == 0)
    #expect(
      sentence(in: folder) { try labels() }
        == "DIR/val.txt: is a device; only regular files are read")
  }

  @Test func `a huge file is refused before it is read`() throws {
    try folder.write("", to: "val.txt")
    #expect(truncate(folder.path + "/val.txt", 1 << 40) == 0)
    #expect(
      sentence(in: folder) { try labels() }
        == "DIR/val.txt: has 1099511627776 bytes; files of more than 268435456 are not read")
  }

  @Test func `for a single class folder, its parent is suggested`() throws {
    try folder.addPictures(["n01440764/1.JPEG"])
    #expect(
      sentence(in: folder) { try ImageNetDataset(folder: folder.path + "/n01440764") }
        == "DIR/n01440764: is the folder of one class; write {\"imagenet\": \"DIR\"}")
  }

  @Test func `one image is counted in the singular`() throws {
    try folder.write("ILSVRC2012_val_00000003.JPEG 65\n", to: "val.txt")
    #expect(
      sentence(in: folder) { try labels() }
        == "DIR/val.txt: lists 1 picture, but not ILSVRC2012_val_00000001.JPEG")
  }
}
