import Datasets
import Files
import Foundation
import Testing
import _TestSupport

/// What is found next to images on real disks: system files, links, names in other encodings.
@Suite struct `Unusual folders` {
  private let folder: TemporaryFolder
  private var root: PathBytes { PathBytes(folder.path) }

  init() throws { folder = try TemporaryFolder() }

  private func open(_ classes: ClassFolderDataset.Classes = .sorted()) throws -> ClassFolderDataset
  {
    try ClassFolderDataset(folder: folder.path, classes: classes)
  }

  /// Links `name` to `target`, relative to the link's folder.
  private func link(_ name: PathBytes, to target: String) {
    #expect((root / name).withCString { symlink(target, $0) } == 0)
  }

  /// Creates a class folder with this name and one image, whose name is not UTF-8 either.
  private func addPicture(_ bytes: [UInt8]) throws {
    let place = root / PathBytes(bytes: bytes)
    #expect(place.withCString { mkdir($0, 0o755) } == 0)
    let picture = try Data(contentsOf: Fixtures.url("formats/rgb8.png"))
    let file = place / PathBytes(bytes: [0xFF] + Array(".png".utf8))
    let descriptor = file.withCString { creat($0, 0o644) }
    #expect(picture.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } > 0)
    close(descriptor)
  }

  @Test func `class folders with names that are not UTF-8 are distinguished and read`() throws {
    try addPicture([0x63, 0x61, 0x66, 0xE9])
    try addPicture([0x63, 0x61, 0x66, 0xE8])
    let data = try open()
    #expect(data.classNames == ["caf\\xE8", "caf\\xE9"])
    #expect((0..<data.count).map(data.label(at:)) == [0, 1])
    #expect(data.path(at: 1) == folder.path + "/caf\\xE9/\\xFF.png")
    #expect(try pixels(of: data, at: 1, .init(resize: 8, crop: 8)).count == 192)
    let mapped = try open(.labels(["caf\\xE9": 4, "caf\\xE8": 2]))
    #expect((0..<mapped.count).map(mapped.label(at:)) == [2, 4])
  }

  @Test func `names that Swift strings consider equal are two classes`() throws {
    try addPicture(Array("caf\u{E9}".utf8))
    try addPicture(Array("cafe\u{301}".utf8))
    #expect(try open().count == 2)
    #expect(try open(.order(["caf\u{E9}", "cafe\u{301}"])).label(at: 1) == 0)
  }

  @Test func `images of unsupported formats are counted`() throws {
    try folder.addPictures(["a/1.jpg", "a/2.jfif"])
    for name in ["a/3.avif", "a/4.AVIF", "a/5.heic", "a/deep/6.jxl"] {
      try folder.write("x", to: name)
    }
    let phrase = "4 files of other formats left out: 2 avif, 1 heic, 1 jxl"
    let data = try open()
    #expect(data.count == 2)
    #expect(data.layout == "class folders, 1 class, 2 pictures; " + phrase)
    #expect(data.warnings == ["\(folder.path): \(phrase)"])
    try folder.write("x", to: "b/1.avif")
    #expect(
      sentence(in: folder) { try open() }?.hasSuffix(
        ": b; fill or remove them; 5 files of other formats left out: 3 avif, 1 heic, 1 jxl")
        == true)
  }

  @Test func `system folders are ignored at every depth`() throws {
    try folder.addPictures([
      "a/1.jpg", "a/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "@eaDir/x.jpg", "lost+found/y.jpg",
      "b/1.jpg", "b/lost+found/z.jpg", "b/.thumbnails/q.jpg",
    ])
    let data = try open()
    #expect(data.files.paths == ["a/1.jpg", "b/1.jpg"])
    #expect(data.layout.hasSuffix("; 4 folders of the system left out: @eaDir and 3 more"))
  }

  @Test func `cyclic links are followed only once`() throws {
    try folder.addPictures(["a/1.jpg", "a/2.jpg", "b/3.jpg"])
    link("a/up", to: "..")
    link("a/self", to: ".")
    link("b/other", to: "../a")
    let data = try open()
    #expect(data.files.paths == ["a/1.jpg", "a/2.jpg", "b/3.jpg"])
    #expect(
      data.warnings == [
        "\(folder.path): 3 links to folders that are listed already left out: "
          + "\(folder.path)/a/self and 2 more"
      ])
  }

  @Test func `a file with several names is listed once per class`() throws {
    try folder.addPictures(["a/1.jpg"])
    link("a/2.jpg", to: "1.jpg")
    #expect(Foundation.link(folder.path + "/a/1.jpg", folder.path + "/a/3.jpg") == 0)
    let data = try open()
    #expect(data.files.paths == ["a/1.jpg"])
    #expect(
      data.layout.hasSuffix(
        "; 2 further names of files that are listed already left out: \(folder.path)/a/2.jpg and 1 more"
      ))
  }

  @Test func `a link to a folder is a class`() throws {
    let elsewhere = try TemporaryFolder()
    try elsewhere.addPictures(["x/1.jpg", "x/2.jpg"])
    try folder.addPictures(["a/1.jpg"])
    link("b", to: elsewhere.path + "/x")
    #expect(try open().files.paths == ["a/1.jpg", "b/1.jpg", "b/2.jpg"])
  }

  @Test(arguments: [
    ["train/a/1.jpg", "val/a/1.jpg"], ["Train/1.jpg", "test/1.jpg"], ["val/a/1.jpg"],
  ])
  func `train and val are not classes`(names: [String]) throws {
    try folder.addPictures(names)
    let text = try #require(sentence(in: folder) { try open() })
    #expect(text.contains(", parts of a data set and no classes; write {\"folder\": \"DIR/"))
    #expect(try open(.order(["train", "val", "Train", "test"])).count == names.count)
  }

  @Test func `a class may be named train`() throws {
    try folder.addPictures(["train/1.jpg", "bus/1.jpg"])
    #expect(try open().classNames == ["bus", "train"])
  }

  @Test func `numeric folders are sorted as in torchvision, and one key selects timm's order`()
    throws
  {
    try folder.addPictures(["1/1.jpg", "2/1.jpg", "10/1.jpg"])
    let data = try open()
    #expect(data.classNames == ["1", "10", "2"])
    #expect(
      data.warnings == [
        "\(folder.path): class 1 is '10', as torchvision sorts the folders; timm sorts them by "
          + "number and without case, where it is '2': for a model trained with timm's labels add "
          + "\"class_order\": \"natural\""
      ])
    let natural = try open(.sorted(.natural))
    #expect(natural.classNames == ["1", "2", "10"])
    #expect((0..<3).map(natural.label(at:)) == [0, 2, 1])
    #expect(natural.warnings == [])
  }

  @Test func `natural order matches timm's natural_key`() throws {
    // sorted([…], key=natural_key) of timm 1.0; equal keys by bytes.
    let names = ["x100", "B", "a", "x20y", "C3", "x20", "010", "9", "c12", "é", "x3"]
    try folder.addPictures(names.map { $0 + "/1.jpg" })
    #expect(
      try open(.sorted(.natural)).classNames
        == ["9", "010", "a", "B", "C3", "c12", "x3", "x20", "x20y", "x100", "é"])
  }

  @Test func `pipes, devices and huge files among the images are refused when read`()
    throws
  {
    try folder.makeFolder("a")
    #expect(mkfifo(folder.path + "/a/1.png", 0o600) == 0)
    link("a/2.png", to: "/dev/zero")
    let png = try Data(contentsOf: Fixtures.url("formats/rgb8.png"))
    try folder.write(png, to: "a/3.png")
    #expect(truncate(folder.path + "/a/3.png", 1 << 40) == 0)
    try folder.write(Data(), to: "a/4.png")
    #expect(truncate(folder.path + "/a/4.png", 6 << 30) == 0)
    let data = try open()
    #expect(data.count == 4)
    let reasons = (0..<4).map { index in
      sentence(in: folder) { try pixels(of: data, at: index, .init(resize: 8, crop: 8)) }
    }
    #expect(
      reasons == [
        "DIR/a/1.png: is a pipe; only regular files are read",
        "DIR/a/2.png: is a device; only regular files are read",
        "DIR/a/3.png: has 1099511627776 bytes; files of more than 1073741824 are not read",
        "DIR/a/4.png: is none of PNG, JPEG, WebP, BMP, GIF, TIFF (it begins with 00 00 00 00)",
      ])
  }
}
