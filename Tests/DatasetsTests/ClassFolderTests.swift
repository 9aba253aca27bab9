import Datasets
import Files
import Foundation
import ImageCoding
import Records
import Testing
import _TestSupport

@Suite struct `Class folders` {
  @Test func `labels are indices of the sorted folder names`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["dog/1.jpg", "dog/2.JPEG", "cat/b.jpg", "cat/a.jpeg", "Zebra/1.jpg"])
    try folder.addPictures(["cat/c.PNG"], from: "rgb8.png")
    let data = try ClassFolderDataset(folder: folder.path + "/")
    #expect(data.classNames == ["Zebra", "cat", "dog"])
    #expect(
      data.files.paths.map(\.description) == [
        "Zebra/1.jpg", "cat/a.jpeg", "cat/b.jpg", "cat/c.PNG", "dog/1.jpg", "dog/2.JPEG",
      ])
    #expect((0..<data.count).map(data.label(at:)) == [0, 1, 1, 1, 2, 2])
    #expect(data.layout == "class folders, 3 classes, 6 pictures")
    #expect(data.path(at: 0) == folder.path + "/Zebra/1.jpg")
  }

  @Test func `an image equals the decoder's output`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["a/1.jpg"])
    let data = try ClassFolderDataset(folder: folder.path)
    let preprocessing = Preprocessing(resize: 16, crop: 12)
    #expect(
      try pixels(of: data, at: 0, preprocessing)
        == (try pixelsOfFile(folder.path + "/a/1.jpg", preprocessing)))
  }

  @Test func `hidden, other and nested files are handled`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["a/._1.jpg", "a/images/1.jpg", "a/2.jpg", ".cache/x.jpg"])
    try folder.write("notes", to: "a/notes.txt")
    try folder.write("notes", to: "README")
    let data = try ClassFolderDataset(folder: folder.path)
    #expect(data.files.paths == ["a/2.jpg", "a/images/1.jpg"])
    #expect(data.warnings == [])
    #expect(data.classNames == ["a"])
  }

  @Test func `a class list determines the labels`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["dog/1.jpg", "cat/1.jpg"])
    let data = try ClassFolderDataset(
      folder: folder.path, classes: .order(["dog", "bird", "cat"]))
    #expect((0..<data.count).map(data.label(at:)) == [2, 0])
    #expect(data.classNames == ["dog", "bird", "cat"])
  }

  @Test func `a class mapping determines the labels`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["dog/1.jpg", "cat/1.jpg", "tomcat/1.jpg"])
    let data = try ClassFolderDataset(
      folder: folder.path, classes: .labels(["dog": 3, "cat": 1, "tomcat": 1]))
    #expect((0..<data.count).map(data.label(at:)) == [1, 3, 1])
    #expect(data.classNames == ["class 0", "cat", "class 2", "dog"])
  }

  @Test func `contradictions are refused in one sentence`() throws {
    let folder = try TemporaryFolder()
    let open = { (classes: ClassFolderDataset.Classes) in
      sentence(in: folder) { try ClassFolderDataset(folder: folder.path, classes: classes) }
    }
    #expect(
      open(.sorted())
        == "DIR: holds no pictures (PNG, JPEG, WebP, BMP, GIF, TIFF); a data set is one folder of pictures "
        + "per class")
    try folder.addPictures(["1.jpg"])
    #expect(
      open(.sorted())
        == "DIR: holds pictures but no class folders, so nothing says their labels; "
        + "put the pictures of each class into a folder of their own")
    try folder.makeFolder("cat")
    #expect(
      open(.sorted())
        == "DIR: holds no pictures (PNG, JPEG, WebP, BMP, GIF, TIFF); a data set is one folder of pictures "
        + "per class")
    try folder.addPictures(["dog/1.jpg"])
    #expect(
      open(.sorted())
        == "DIR: has class folders without a picture (PNG, JPEG, WebP, BMP, GIF, TIFF): cat; fill or remove them"
    )
    try folder.addPictures(["cat/1.jpg"])
    #expect(
      open(.order(["dog", "horse"]))
        == "DIR: has the class folder 'cat', which \"classes\" does not name; it names dog, horse")
    #expect(open(.order(["dog", "cat", "dog"])) == "\"classes\": names a class twice")
    #expect(
      open(.labels(["dog": 0, "cat": -1]))
        == "\"classes\": gives 'cat' the label -1; labels start at 0")
    #expect(open(.sorted()) == nil)
    #expect(
      sentence(in: folder) { try ClassFolderDataset(folder: folder.path + "/nowhere") }
        == "DIR/nowhere: cannot be read as a folder of pictures (no such file or directory)")
  }
}

/// The pixels that a data set gives.
func pixels(
  of data: some ImageDataset, at index: Int, _ preprocessing: Preprocessing
) throws -> [UInt8] {
  var output = [UInt8](repeating: 255, count: preprocessing.elementCount)
  try output.withUnsafeMutableBufferPointer {
    try data.decode(at: index, preprocessing: preprocessing, into: $0)
  }
  return output
}

/// The pixels that the decoder gives for a file.
func pixelsOfFile(_ path: String, _ preprocessing: Preprocessing) throws -> [UInt8] {
  var output = [UInt8](repeating: 255, count: preprocessing.elementCount)
  try output.withUnsafeMutableBufferPointer { buffer in
    try ImageDecoder().loadPixels(path: PathBytes(path), preprocessing: preprocessing, into: buffer)
  }
  return output
}
