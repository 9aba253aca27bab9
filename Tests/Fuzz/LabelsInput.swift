import Datasets
import Foundation

/// A file with the labels of flat images under one of its names, which the first byte selects.
enum LabelsInput {
  private static let names = [
    "ILSVRC2012_validation_ground_truth.txt", "LOC_val_solution.csv", "val_map.txt", "val.txt",
    "imagenet_2012_validation_synset_labels.txt", "val_annotations.txt", "real.json",
  ]

  static func read(_ bytes: [UInt8], _ folder: URL) throws {
    guard let first = bytes.first else { return }
    // Each name has a separate folder in a separate parent, because labels are also searched in the
    // parent.
    let place = folder.appendingPathComponent("labels\(Int(first) % names.count)/val")
    if !FileManager.default.fileExists(atPath: place.path) {
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for number in 1...3 {
        try Data().write(
          to: place.appendingPathComponent("ILSVRC2012_val_0000000\(number).JPEG"))
      }
    }
    let name = names[Int(first) % names.count]
    try Data(bytes.dropFirst()).write(to: place.appendingPathComponent(name))
    switch name {
    case "val_annotations.txt":
      let dataset = try ClassFolderDataset(folder: place.path)
      precondition(
        dataset.files.labels.allSatisfy(dataset.classNames.indices.contains),
        "a label of no class")
      return
    case "real.json":
      _ = try ReassessedLabels(file: place.appendingPathComponent(name).path)
      return
    default: break
    }
    let dataset = try ImageNetDataset(folder: place.path)
    precondition(dataset.files.labels.allSatisfy { (0..<1000).contains($0) }, "a label of no class")
  }
}
