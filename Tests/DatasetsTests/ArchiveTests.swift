import Datasets
import Files
import Foundation
import ImageCoding
import Records
import Testing
import _TestSupport

/// Creates an archive with the system's tar.
private func pack(
  _ folder: TemporaryFolder, _ names: [String], to archive: String, format: String = "ustar",
  append: Bool = false
) throws {
  let process = Process()
  process.executableURL = URL(filePath: "/bin/tar")
  process.arguments =
    ["--format=\(format)", append ? "-rf" : "-cf", "\(folder.path)/\(archive)", "-C", folder.path]
    + names
  try process.run()
  process.waitUntilExit()
  try #require(process.terminationStatus == 0)
}

private func labels(of data: some ImageDataset) -> [Int] { (0..<data.count).map(data.label(at:)) }

private func pixels(_ data: some ImageDataset, _ index: Int) throws -> [UInt8] {
  let preprocessing = Preprocessing.timm(size: 8, cropFraction: 1)
  var values = [UInt8](repeating: 0, count: 3 * 8 * 8)
  try values.withUnsafeMutableBufferPointer {
    try data.decode(at: index, preprocessing: preprocessing, into: $0)
  }
  return values
}

@Suite struct `Tar archives` {
  @Test(arguments: ["v7", "oldgnu", "gnu", "ustar", "pax"])
  func `class folders in archives of any tar program are read in place`(format: String) throws {
    let folder = try TemporaryFolder()
    let isShort = format == "v7" || format == "ustar"
    let long = isShort ? "b" : String(repeating: "long", count: 40)
    try folder.addPictures(["set/cat/\(long).jpg", "set/dog/a.jpg"])
    try folder.addPictures(["set/dog/b.png"], from: "rgb8.png")
    try folder.write("notes", to: "set/readme.txt")
    try pack(folder, ["set"], to: "set.tar", format: format)
    let data = try ClassFolderDataset(folder: folder.path + "/set.tar")
    let loose = try ClassFolderDataset(folder: folder.path + "/set")
    #expect(data.layout == "1 tar archive, 2 classes, 3 pictures")
    #expect(data.classNames == ["cat", "dog"])
    #expect(data.name == "set")
    #expect(labels(of: data).sorted() == [0, 1, 1])
    for index in 0..<data.count {
      let name = data.path(at: index)
      #expect(name.hasPrefix(folder.path + "/set.tar/set/"))
      let twin = try #require(
        (0..<loose.count).first {
          loose.path(at: $0) == name.replacing("set.tar/set/", with: "set/")
        })
      #expect(try pixels(data, index) == pixels(loose, twin))
      #expect(data.label(at: index) == loose.label(at: twin))
    }
  }

  @Test(arguments: [[0x80], [0xFF], [0x80, 0, 0, 0, 0, 0, 0, 1], [0x2D, 0x31]] as [[UInt8]])
  func `an archive with a non-octal checksum is refused`(field: [UInt8]) throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["cat/a.jpg"])
    try pack(folder, ["cat"], to: "a.tar")
    let file = URL(filePath: folder.path + "/a.tar")
    var bytes = try Data(contentsOf: file)
    bytes.replaceSubrange(148..<(148 + field.count), with: field)
    try bytes.write(to: file)
    let error = #expect(throws: DatasetError.self) {
      try ClassFolderDataset(folder: folder.path + "/a.tar")
    }
    #expect("\(error as Any)".contains("is no tar archive"), "\(error as Any)")
  }

  @Test func `names longer than 100 bytes are complete in every format`() throws {
    let folder = try TemporaryFolder()
    let name = "cat/" + String(repeating: "é", count: 90) + ".jpg"
    try folder.addPictures([name, "dog/a.jpg"])
    for format in ["gnu", "pax"] {
      try pack(folder, ["cat", "dog"], to: "\(format).tar", format: format)
      let data = try ClassFolderDataset(folder: folder.path + "/\(format).tar")
      #expect(data.path(at: 0) == folder.path + "/\(format).tar/" + name)
    }
  }

  @Test func `WebDataset shards have a class file next to each image`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures((0..<4).map { "00\($0).jpg" })
    for (index, label) in [7, 2, 7, 0].enumerated() {
      let file = index < 2 ? "00\(index).cls" : "00\(index).json"
      let text = index < 2 ? "\(label)\n" : #"{"label": \#(label), "caption": "x"}"#
      try folder.write(text, to: file)
    }
    try pack(folder, ["000.cls", "000.jpg", "001.jpg", "001.cls"], to: "val-000000.tar")
    try pack(folder, ["002.json", "002.jpg", "003.jpg", "003.json"], to: "val-000001.tar")
    let data = try ClassFolderDataset(folder: folder.path + "/val-{000000..000001}.tar")
    #expect(labels(of: data) == [7, 2, 7, 0])
    #expect(data.layout == "2 tar archives, 3 classes, 4 pictures")
    #expect(data.classNames.count == 8)
    #expect(data.path(at: 2) == folder.path + "/val-000001.tar/002.jpg")
    let named = try ClassFolderDataset(
      folder: folder.path + "/val-{000000..000001}.tar",
      classes: .order((0..<8).map { "name \($0)" }))
    #expect(named.classNames[7] == "name 7")
    let imagenet = try ImageNetDataset(folder: folder.path + "/val-{000000..000001}.tar")
    #expect(labels(of: imagenet) == [7, 2, 7, 0])
    #expect(
      imagenet.layout
        == "2 tar archives with a class next to each picture, 3 of the 1000 classes, 4 pictures")
  }

  @Test func `a folder of shards has the images of all of them`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["a.jpg"])
    try folder.write("3", to: "a.cls")
    try pack(folder, ["a.jpg", "a.cls"], to: "shards.tar")
    let shards = try TemporaryFolder()
    try folder.makeFolder("shards")
    for number in 0..<2 {
      try FileManager.default.copyItem(
        atPath: folder.path + "/shards.tar", toPath: shards.path + "/s-\(number).tar")
    }
    #expect(labels(of: try ClassFolderDataset(folder: shards.path)) == [3, 3])
  }

  @Test func `of files with the same name only the last one counts`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["set/cat/a.jpg", "set/dog/a.jpg"])
    try pack(folder, ["set"], to: "set.tar")
    let before = try ClassFolderDataset(folder: folder.path + "/set.tar")
    func cat(_ data: ClassFolderDataset) throws -> [UInt8] {
      try pixels(data, try #require((0..<data.count).first { data.path(at: $0).contains("/cat/") }))
    }
    let old = try cat(before)
    try FileManager.default.removeItem(atPath: folder.path + "/set/cat/a.jpg")
    try folder.addPictures(["set/cat/a.jpg"], from: "rgb8.png")
    try pack(folder, ["set/cat/a.jpg"], to: "set.tar", append: true)
    let after = try ClassFolderDataset(folder: folder.path + "/set.tar")
    let loose = try ClassFolderDataset(folder: folder.path + "/set")
    #expect(after.layout == "1 tar archive, 2 classes, 2 pictures")
    #expect(try cat(after) == cat(loose))
    #expect(try cat(after) != old)
  }

  @Test func `the listing of an archive is cached until the archive changes`() throws {
    let folder = try TemporaryFolder()
    let cache = folder.path + "/cache"
    try folder.addPictures(["cat/a.jpg", "dog/a.jpg"])
    try pack(folder, ["cat", "dog"], to: "set.tar")
    func count() throws -> Int {
      try ClassFolderDataset(folder: folder.path + "/set.tar", cacheFolder: cache).count
    }
    #expect(try count() == 2)
    let lists = try FileManager.default.contentsOfDirectory(atPath: cache)
    #expect(lists.count == 1)
    #expect(try count() == 2)
    // A damaged listing is rebuilt.
    try Data("x".utf8).write(to: URL(filePath: cache + "/" + lists[0]))
    #expect(try count() == 2)
    try folder.addPictures(["dog/b.jpg"])
    try pack(folder, ["cat", "dog"], to: "set.tar")
    #expect(try count() == 3)
  }

  @Test func `an incomplete tar archive is reported in one sentence`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["cat/a.jpg", "dog/a.jpg"])
    try pack(folder, ["cat", "dog"], to: "good.tar")
    let good = try Data(contentsOf: URL(filePath: folder.path + "/good.tar"))
    func opened(_ data: Data) throws -> String? {
      try folder.write(data, to: "x.tar")
      return sentence(in: folder) { try ClassFolderDataset(folder: folder.path + "/x.tar") }
    }
    #expect(try opened(Data("hello".utf8)) == "DIR/x.tar: ends within a header; it was cut off")
    #expect(try opened(Data()) == "DIR/x.tar: is empty")
    #expect(try opened(Data(repeating: 7, count: 1024)) == "DIR/x.tar: is no tar archive")
    #expect(
      try opened(Data([0x1F, 0x8B] + [UInt8](repeating: 0, count: 600)))
        == "DIR/x.tar: is compressed (gzip); pictures are read in place from a plain tar: "
        + "gunzip it first")
    // Also for archives that are shorter than a header.
    for (first, name, command) in [
      ([0x1F, 0x8B], "gzip", "gunzip"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "xz", "unxz"),
      ([0x42, 0x5A, 0x68], "bzip2", "bunzip2"), ([0x28, 0xB5, 0x2F, 0xFD], "zstd", "unzstd"),
    ] as [([UInt8], String, String)] {
      #expect(
        try opened(Data(first + [0, 0]))
          == "DIR/x.tar: is compressed (\(name)); pictures are read in place from a plain tar: "
          + "\(command) it first")
    }
    #expect(
      try opened(Data("PK\u{3}\u{4}".utf8))
        == "DIR/x.tar: is a zip archive; unpack it and name the folder, or make a tar of it")
    #expect(
      try opened(good.prefix(1100))
        == "DIR/x.tar: ends within 'cat/a.jpg'; it was cut off or is still copied")
    var damaged = good
    damaged[512 + 130] ^= 1
    #expect(try opened(damaged) == "DIR/x.tar: has a damaged header at byte 512")
  }

  @Test func `any changed header byte gives a data set or an error`() throws {
    let folder = try TemporaryFolder()
    let name = String(repeating: "n", count: 120)
    try folder.addPictures(["cat/\(name).jpg", "dog/a.jpg"])
    for format in ["gnu", "pax"] {
      try pack(folder, ["cat", "dog"], to: "good.tar", format: format)
      let good = try Data(contentsOf: URL(filePath: folder.path + "/good.tar"))
      var refused = 0
      for position in stride(from: 0, to: min(good.count, 4096), by: 7) {
        var bytes = good
        bytes[position] ^= 0x55
        try folder.write(bytes, to: "x.tar")
        if sentence(in: folder, { try ClassFolderDataset(folder: folder.path + "/x.tar") }) != nil {
          refused += 1
        }
      }
      #expect(refused > 100)
    }
  }

  @Test func `shards with an unlabeled image are refused`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["a.jpg", "b.jpg"])
    try folder.write("3", to: "a.cls")
    try folder.write("cat?", to: "b.cls")
    try pack(folder, ["a.jpg", "a.cls", "b.jpg"], to: "x.tar")
    #expect(
      sentence(in: folder) { try ClassFolderDataset(folder: folder.path + "/x.tar") }
        == "DIR/x.tar: has no .cls or .json next to 'b.jpg', which other pictures have")
    try pack(folder, ["a.jpg", "a.cls", "b.jpg", "b.cls"], to: "x.tar")
    #expect(
      sentence(in: folder) { try ClassFolderDataset(folder: folder.path + "/x.tar") }
        == "DIR/x.tar: gives 'b.jpg' no class: its .cls must be a number from 0, or its .json have "
        + "one as \"label\" or \"cls\"")
  }

  @Test func `tables are refused with the command that converts them to shards`() throws {
    let folder = try TemporaryFolder()
    try folder.write("PAR1", to: "data/val-0.parquet")
    #expect(
      sentence(in: folder) { try ClassFolderDataset(folder: folder.path + "/data") }
        == "DIR/data: holds Parquet tables, which are not read; turn them into tar shards with "
        + "`python3 Tools/parquet_to_shards.py DIR/data SHARDS` (needs pyarrow) and name SHARDS")
  }
}

@Suite struct `ImageNet in the layouts of other projects` {
  private let ids = ["n01751748", "n09193705", "n02105855"]
  private let expected = [65, 970, 230]

  @Test(arguments: [false, true])
  func `images named by class need no ground truth`(isArchive: Bool) throws {
    let folder = try TemporaryFolder()
    let names =
      ids.enumerated().map { "ILSVRC2012_val_0000000\($0 + 1)_\($1).JPEG" } + ["n01440764_9.JPEG"]
    try folder.addPictures(names.map { "val/" + $0 })
    if isArchive {
      try pack(folder, names.map { "val/" + $0 }, to: "val.tar")
      let data = try ImageNetDataset(folder: folder.path + "/val.tar")
      #expect(labels(of: data) == expected + [0])
      #expect(
        data.layout
          == "1 tar archive: flat files named by class, 4 of the 1000 classes, 4 pictures")
      return
    }
    let data = try ImageNetDataset(folder: folder.path)
    #expect(labels(of: data) == expected + [0])
    #expect(
      data.layout == "flat files named by class, 4 of the 1000 classes, 4 pictures in val/")
    try folder.addPictures(["val/x.JPEG"])
    #expect(
      sentence(in: folder) { try ImageNetDataset(folder: folder.path) }
        == "DIR/val: has pictures named by class, such as n01440764_1.JPEG or …_n01440764.JPEG, and "
        + "x.JPEG, which is not; name all by class or none")
  }

  @Test func `class names that contradict the ground truth are refused`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["val/ILSVRC2012_val_00000001_n01751748.JPEG"])
    try folder.write("ILSVRC2012_val_00000001_n01751748.JPEG 3\n", to: "val.txt")
    #expect(
      sentence(in: folder) { try ImageNetDataset(folder: folder.path + "/val") }
        == "the files' names: gives ILSVRC2012_val_00000001_n01751748.JPEG another label than "
        + "DIR/val.txt; remove the wrong one")
  }

  @Test func `ImageNetV2's folder names are class numbers`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["0/a.jpeg", "10/a.jpeg", "2/a.jpeg", "999/a.jpeg"])
    let data = try ImageNetDataset(folder: folder.path)
    #expect(labels(of: data) == [0, 10, 2, 999])
    try pack(folder, ["0", "10", "2", "999"], to: "v2.tar")
    #expect(
      labels(of: try ImageNetDataset(folder: folder.path + "/v2.tar")) == [0, 10, 2, 999])
  }

  @Test func `Tiny ImageNet's validation images are labeled by its table`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures((0..<3).map { "val/images/val_\($0).JPEG" })
    try folder.write(
      ids.enumerated().map { "val_\($0).JPEG\t\($1)\t0\t32\t44\t62\n" }.joined(),
      to: "val/val_annotations.txt")
    let own = try ClassFolderDataset(folder: folder.path + "/val")
    #expect(own.classNames == ids.sorted())
    #expect(labels(of: own) == [0, 2, 1])
    #expect(own.layout == "pictures labeled by val_annotations.txt, 3 classes, 3 pictures")
    let imagenet = try ImageNetDataset(folder: folder.path)
    #expect(labels(of: imagenet) == expected)
    try folder.addPictures(["val/images/other.JPEG"])
    #expect(
      sentence(in: folder) { try ClassFolderDataset(folder: folder.path + "/val") }
        == "DIR/val/val_annotations.txt: lists 3 pictures, but not other.JPEG")
  }

  @Test func `a part of the validation set may have the full ground truth`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["val/ILSVRC2012_val_00000003.JPEG", "val/ILSVRC2012_val_00000001.JPEG"])
    let ids = [490, 361, 171] + Array(repeating: 1, count: 49_997)
    try folder.write(
      ids.map { "\($0)\n" }.joined(), to: "ILSVRC2012_validation_ground_truth.txt")
    let data = try ImageNetDataset(folder: folder.path + "/val")
    #expect(labels(of: data) == [65, 230])
    #expect(data.warnings == ["\(folder.path)/val: 2 pictures of the 50000 of the validation set"])
  }

  @Test func `archives per class and the archive as published are read`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["a.JPEG", "ILSVRC2012_val_00000001.JPEG"])
    try folder.makeFolder("train")
    for id in ids { try pack(folder, ["a.JPEG"], to: "train/\(id).tar") }
    let data = try ImageNetDataset(folder: folder.path + "/train")
    #expect(labels(of: data).sorted() == expected.sorted())
    let archive = try TemporaryFolder()
    try pack(folder, ["ILSVRC2012_val_00000001.JPEG"], to: "ILSVRC2012_img_val.tar")
    try FileManager.default.copyItem(
      atPath: folder.path + "/ILSVRC2012_img_val.tar",
      toPath: archive.path + "/ILSVRC2012_img_val.tar")
    try archive.write("490\n", to: "ILSVRC2012_validation_ground_truth.txt")
    let flat = try ImageNetDataset(folder: archive.path)
    #expect(labels(of: flat) == [65])
    #expect(
      flat.layout
        == "1 tar archive: flat files labeled by ILSVRC2012_validation_ground_truth.txt, "
        + "1 of the 1000 classes, 1 picture")
  }
}
