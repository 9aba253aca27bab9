import Datasets
import Foundation
import ImageCoding
import Records
import Testing
import _TestSupport

/// The first images of the validation set and their labels.
private let pictures = (1...5).map { "ILSVRC2012_val_0000000\($0).JPEG" }
private let labels = [65, 970, 230, 809, 516]
private let ids = ["n01751748", "n09193705", "n02105855", "n04263257", "n03125729"]

private let devkit = "490\n361\n171\n822\n297\n"
private let map = zip(pictures, labels).map { "\($0) \($1)\n" }.joined()
private let solution =
  "ImageId,PredictionString\n"
  + zip(pictures, ids).reversed()
  .map { "\($0.dropLast(5)),\($1) 85 1 499 272 \($1) 1 2 3 4\n" }.joined()

private func labels(of data: ImageNetDataset) -> [Int] {
  (0..<data.count).map(data.label(at:))
}

@Suite struct `ImageNet layouts` {
  @Test func `folders of some of the classes are read`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["n15075141/x.JPEG", "n01443537/b.jpg", "n01443537/a.JPEG"])
    let data = try ImageNetDataset(folder: folder.path)
    #expect(data.layout == "class folders, 2 of the 1000 classes, 3 pictures")
    #expect(labels(of: data) == [1, 1, 999])
    #expect(data.classNames.count == 1000)
    #expect(data.path(at: 0) == folder.path + "/n01443537/a.JPEG")
  }

  @Test func `folders of all classes are read`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(ImageNetClasses.wordNetIDs.map { $0 + "/1.JPEG" })
    let data = try ImageNetDataset(folder: folder.path)
    #expect(data.layout == "class folders, 1000 classes, 1000 pictures")
    #expect(labels(of: data) == Array(0..<1000))
  }

  @Test(arguments: ["val", "ILSVRC/Data/CLS-LOC/val"])
  func `class folders in the usual subfolder are found`(place: String) throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["\(place)/n01443537/a.JPEG", "train/n01443537/b.JPEG"])
    let data = try ImageNetDataset(folder: folder.path)
    #expect(data.layout == "class folders, 1 of the 1000 classes, 1 picture in val/")
    #expect(data.path(at: 0) == folder.path + "/\(place)/n01443537/a.JPEG")
  }

  @Test(arguments: [
    ("ILSVRC2012_validation_ground_truth.txt", devkit),
    ("devkit/data/ILSVRC2012_validation_ground_truth.txt", devkit.replacing("\n", with: "\r\n")),
    ("../ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", devkit),
    ("LOC_val_solution.csv", solution), ("../LOC_val_solution.csv", solution),
    ("val_map.txt", map), ("val_map.txt", map.replacing(" ", with: "\t")),
    ("../val.txt", pictures.indices.map { "val/\(pictures[$0]) \(ids[$0])\n" }.joined()),
    ("imagenet_2012_validation_synset_labels.txt", ids.joined(separator: "\n")),
  ])
  func `flat images are read with every kind of ground truth`(file: String, text: String) throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(pictures.map { "pictures/" + $0 })
    try folder.write(text, to: "pictures/" + file)
    let data = try ImageNetDataset(folder: folder.path + "/pictures")
    #expect(labels(of: data) == labels)
    let name = file.split(separator: "/").last ?? ""
    #expect(
      data.layout == "flat files labeled by \(name), 5 of the 1000 classes, 5 pictures")
  }

  @Test func `Kaggle's download is read as unpacked`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(pictures.map { "ILSVRC/Data/CLS-LOC/val/" + $0 })
    try folder.write(solution, to: "LOC_val_solution.csv")
    try folder.write("ILSVRC2012_val_00000001 1\n", to: "ILSVRC/ImageSets/CLS-LOC/val.txt")
    #expect(labels(of: try ImageNetDataset(folder: folder.path)) == labels)
  }

  @Test func `two equal ground truths are accepted`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(pictures)
    try folder.write(map, to: "val_map.txt")
    try folder.write(devkit, to: "ILSVRC2012_validation_ground_truth.txt")
    #expect(labels(of: try ImageNetDataset(folder: folder.path)) == labels)
  }

  @Test func `a PNG with a JPEG's name is read`() throws {
    let folder = try TemporaryFolder()
    try folder.addPictures(["n01443537/ILSVRC2012_val_00019877.JPEG"], from: "rgb8.png")
    let data = try ImageNetDataset(folder: folder.path)
    let small = Preprocessing(resize: 8, crop: 8)
    let png = try ImageDecoder().decode(path: Fixtures.url("formats/rgb8.png").path)
    #expect(try pixels(of: data, at: 0, small) == small.cropped(png).pixels)
  }
}

@Suite struct `Invalid ImageNet layouts` {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func refusal() -> String? {
    sentence(in: folder) { try ImageNetDataset(folder: folder.path) }
  }

  @Test func `an empty folder is refused`() throws {
    #expect(
      refusal()
        == "DIR: holds no pictures (PNG, JPEG, WebP, BMP, GIF, TIFF); a data set is one folder of pictures "
        + "per class")
  }

  @Test func `a missing folder is refused`() {
    #expect(
      sentence(in: folder) { try ImageNetDataset(folder: folder.path + "/x") }
        == "DIR/x: cannot be read as a folder of pictures (no such file or directory)")
  }

  @Test func `training images alone are refused`() throws {
    try folder.addPictures(["train/n01443537/a.JPEG"])
    #expect(
      refusal()
        == "DIR: has a folder train but no folder val; name DIR/train itself to use it")
  }

  @Test func `folders of other classes are refused`() throws {
    try folder.addPictures(["n01443537/a.JPEG", "n00000001/a.JPEG", "tench/a.JPEG"])
    #expect(
      refusal()
        == "DIR: has folders that are not among ImageNet-1k's 1000 classes: n00000001, tench; "
        + "class folders are named by WordNet id, such as n01440764; "
        + "for other class folders use {\"folder\": …} with \"classes\"")
  }

  @Test func `folder numbers above 999 are refused`() throws {
    try folder.addPictures((1...1000).map { "\($0)/a.JPEG" })
    #expect(
      refusal()
        == "DIR: has folders that are not among ImageNet-1k's 1000 classes: 1, 10, 100, 1000, 101 "
        + "and 995 more; class folders are named by WordNet id, such as n01440764; "
        + "for other class folders use {\"folder\": …} with \"classes\"")
  }

  @Test func `a class without images is refused`() throws {
    try folder.addPictures(["n01443537/a.JPEG"])
    try folder.makeFolder("n01440764")
    #expect(
      refusal()
        == "DIR: has class folders without a picture (PNG, JPEG, WebP, BMP, GIF, TIFF): n01440764; fill or remove them"
    )
  }

  @Test func `flat images next to class folders are refused`() throws {
    try folder.addPictures(["n01443537/a.JPEG", pictures[0]])
    #expect(
      refusal()
        == "DIR: has both pictures (ILSVRC2012_val_00000001.JPEG) and n01443537/, so it is not "
        + "clear which pictures are meant; name the folder that holds only them")
  }

  @Test func `class folders next to a folder val are refused`() throws {
    try folder.addPictures(["n01443537/a.JPEG", "val/n01443537/a.JPEG"])
    #expect(
      refusal()
        == "DIR: has both n01443537 and val/, so it is not clear which pictures are meant; "
        + "name the folder that holds only them")
  }

  @Test func `ambiguous folders are refused`() throws {
    try folder.addPictures(["val/n01443537/a.JPEG", "validation/n01443537/a.JPEG"])
    #expect(
      refusal()
        == "DIR: has both val/ and validation/, so it is not clear which pictures are meant; "
        + "name the folder that holds only them")
  }

  @Test func `flat images without a ground truth are refused`() throws {
    try folder.addPictures(pictures)
    #expect(
      refusal()
        == "DIR: holds pictures but nothing says their labels; put one of "
        + "ILSVRC2012_validation_ground_truth.txt, LOC_val_solution.csv, val_map.txt, val.txt, "
        + "imagenet_2012_validation_synset_labels.txt, val_annotations.txt next to or above them, "
        + "or use class folders")
  }

  @Test(arguments: [0, 1])
  func `challenge ids used as labels are refused`(first: Int) throws {
    try folder.addPictures(pictures)
    let text = zip(pictures, [490, 361, 171, 822, 297]).map { "\($0) \($1 - first)\n" }.joined()
    try folder.write(text, to: "val_map.txt")
    #expect(
      refusal()
        == "DIR/val_map.txt: the labels are the challenge's ids, which are not in the order of "
        + "ImageNet's labels (the first picture, a sea snake, has id 490 and label 65); use the "
        + "development kit's ILSVRC2012_validation_ground_truth.txt, or labels in the order of "
        + "the WordNet ids")
  }

  @Test func `labels that start at 1 are refused`() throws {
    try folder.addPictures(Array(pictures.prefix(2)))
    try folder.write("\(pictures[0]) 1\n\(pictures[1]) 1000\n", to: "val_map.txt")
    #expect(
      refusal()
        == "DIR/val_map.txt: the labels run from 1 to 1000, not from 0 to 999; take 1 from each if "
        + "they are in the order of the WordNet ids, which the challenge's own ids are not")
  }

  @Test func `a ground truth with missing images is refused`() throws {
    try folder.addPictures(Array(pictures.prefix(3)))
    try folder.write(devkit, to: "ILSVRC2012_validation_ground_truth.txt")
    #expect(
      refusal()
        == "DIR/ILSVRC2012_validation_ground_truth.txt: lists 5 pictures, but there are 3")
  }

  @Test(arguments: ["val_map.txt", "ILSVRC2012_validation_ground_truth.txt"])
  func `an image without a ground truth is refused`(file: String) throws {
    try folder.addPictures(pictures + ["ILSVRC2012_val_00000006.JPEG"])
    try folder.write(file == "val_map.txt" ? map : devkit, to: file)
    #expect(refusal() == "DIR/\(file): lists 5 pictures, but not ILSVRC2012_val_00000006.JPEG")
  }

  @Test func `duplicate images and duplicate lines are refused`() throws {
    try folder.addPictures(pictures)
    try folder.write(map + "\(pictures[2]) 230\n", to: "val_map.txt")
    let expected = "DIR/val_map.txt: the picture ILSVRC2012_val_00000003 is there twice"
    #expect(refusal() == expected)
    try folder.write(map, to: "val_map.txt")
    try folder.addPictures(["ILSVRC2012_val_00000003.png"], from: "rgb8.png")
    #expect(refusal() == expected)
  }

  @Test func `contradicting ground truths are refused`() throws {
    try folder.addPictures(pictures)
    try folder.write(map.replacing("230", with: "231"), to: "val_map.txt")
    try folder.write(devkit, to: "ILSVRC2012_validation_ground_truth.txt")
    #expect(
      refusal()
        == "DIR/ILSVRC2012_validation_ground_truth.txt: gives ILSVRC2012_val_00000003.JPEG another "
        + "label than DIR/val_map.txt; remove the wrong one")
  }

  @Test(arguments: [
    (
      "ILSVRC2012_validation_ground_truth.txt", "490\n1001\n",
      "line 2 is '1001', not an id of the challenge, 1 to 1000"
    ),
    (
      "ILSVRC2012_validation_ground_truth.txt", "490\n-9223372036854775808\n",
      "line 2 is '-9223372036854775808', not an id of the challenge, 1 to 1000"
    ),
    (
      "imagenet_2012_validation_synset_labels.txt", "n01751748\nn00000000\n",
      "line 2 is 'n00000000', not the WordNet id of one of ImageNet's 1000 classes"
    ),
    (
      "LOC_val_solution.csv", "ImageId,PredictionString\nILSVRC2012_val_00000001\n",
      "line 2 is 'ILSVRC2012_val_00000001', not a picture, a comma and a WordNet id"
    ),
    (
      "val_map.txt", "ILSVRC2012_val_00000001.JPEG\n",
      "line 1 is 'ILSVRC2012_val_00000001.JPEG', not a file name and a label"
    ),
    (
      "val_map.txt", "ILSVRC2012_val_00000001.JPEG seasnake\n",
      "line 1 is 'seasnake', not the WordNet id of one of ImageNet's 1000 classes"
    ),
  ])
  func `a malformed line is refused`(file: String, text: String, reason: String) throws {
    try folder.addPictures(pictures)
    try folder.write(text, to: file)
    #expect(refusal() == "DIR/\(file): \(reason)")
  }
}
