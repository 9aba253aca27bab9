import ArgumentParser
import Datasets
import Files
import Foundation
import ImageCoding
import Support

/// `lab dataset`: checks a data set, times its decoding, and writes the demo data set.
struct DatasetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dataset",
    abstract: "Check a data set, time its decoding, or write out the one that the program draws.",
    discussion: """
      Examples:
        lab dataset check /data/imagenet --out imagenet.json
        lab dataset demo --split val --count 100 --out /tmp/demo
        lab dataset decode /data/imagenet/val --threads 2
      """,
    subcommands: [
      CheckDatasetCommand.self, DemoDatasetCommand.self, DecodeDatasetCommand.self,
    ])
}

/// `lab dataset demo`: the drawn images as PNG files in folders named after their class.
struct DemoDatasetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Write images of the demo data set as PNG.",
    discussion: """
      DIR gets one folder per class (00_disc_plain, …) with files named after the image's index, \
      and labels.csv with the columns file, label, center_x, center_y and size (pixels). The same \
      seed, split and index give the same pixels on every platform. Images that are there already \
      are overwritten.

      Example: lab dataset demo --split train --count 32000 --out /tmp/demo-train
      """)

  @Option(help: "train or val; they share no image.")
  var split: DemoDataset.Split

  @Option(help: "How many images to write.")
  var count: Int

  @Option(help: ArgumentHelp("The folder to write to.", valueName: "dir"))
  var out: String

  @Option(help: "The data set's seed.")
  var seed: UInt64 = DemoDataset.defaultSeed

  @Option(help: "The index of the first image.")
  var start: Int = 0

  func validate() throws {
    guard count > 0 else { throw ValidationError("--count must be at least 1, not \(count).") }
    guard start >= 0 else { throw ValidationError("--start must not be negative, not \(start).") }
  }

  func run() throws {
    let dataset = DemoDataset(split: split, seed: seed)
    let folders = DemoDataset.classNames.enumerated().map { label, name in
      (label < 10 ? "0" : "") + "\(label)_\(name)"
    }
    for folder in folders {
      try FileManager.default.createDirectory(
        atPath: "\(out)/\(folder)", withIntermediateDirectories: true)
    }
    var table = "file,label,center_x,center_y,size\n"
    for index in start..<(start + count) {
      let image = dataset.image(index: index)
      let digits = String(index)
      let name = String(repeating: "0", count: max(0, 6 - digits.count)) + digits
      let file = "\(folders[image.label])/\(name).png"
      try PNGWriter.write(
        pixels: image.pixels, width: DemoDataset.imageSize, height: DemoDataset.imageSize,
        to: "\(out)/\(file)")
      table += "\(file),\(image.label),\(image.centerX),\(image.centerY),\(image.size)\n"
    }
    try WholeFile.write(Data(table.utf8), to: URL(fileURLWithPath: "\(out)/labels.csv"))
    print(
      "Wrote \(counted(count, "image")) of \(DemoDataset.classNames.count) classes to \(out).")
  }
}

extension DemoDataset.Split: ExpressibleByArgument {}
