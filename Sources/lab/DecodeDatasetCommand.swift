import ArgumentParser
import Datasets
import Foundation
import ImageCoding

/// `lab dataset decode`: the speed of turning image files into a model's input.
struct DecodeDatasetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode",
    abstract: "Measure how fast pictures are read, decoded, resized and normalized.",
    discussion: """
      FOLDER holds one folder of pictures per class. Prints one JSON object: images, seconds by the clock, \
      and processor_seconds, of all threads together, which a busy machine changes least.

      Example: lab dataset decode /data/imagenet/val --threads 1 --seconds 5
      """)

  @Argument(help: "A folder of class folders.", completion: .directory)
  var folder: String

  @Option(help: "Decoding threads.")
  var threads = 1

  @Option(help: "The least time; the whole folder is decoded again until then.")
  var seconds = 1.0

  @Option(help: "Side of a model's input; the shorter side is resized to size/0.875 first.")
  var size = 224

  func validate() throws {
    guard threads > 0 else {
      throw ValidationError("--threads must be at least 1, not \(threads).")
    }
    guard size > 0 else { throw ValidationError("--size must be at least 1, not \(size).") }
    guard seconds >= 0 else {
      throw ValidationError("--seconds must not be negative, not \(seconds).")
    }
  }

  /// The keys that other programs read.
  private struct Output: Encodable {
    let images: Int
    let seconds: Double
    let processor_seconds: Double
  }

  func run() throws {
    let measured = try DecodingThroughput.measure(
      try ClassFolderDataset(folder: folder),
      preprocessing: .timm(size: size, cropFraction: 0.875), threads: threads,
      minimumSeconds: seconds)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let output = Output(
      images: measured.images, seconds: measured.seconds,
      processor_seconds: measured.processorSeconds)
    print(String(decoding: try encoder.encode(output), as: UTF8.self))
  }
}
