import ArgumentParser
import Datasets
import Experiments
import Files
import Foundation
import Support

/// `lab dataset check`: reads every image of a data set and reports problems.
struct CheckDatasetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Read every picture of a data set and say what is odd, before a long run.",
    discussion: """
      PATH is what a spec names: a folder in any layout, a tar archive, or shards \
      (val-{000..063}.tar). With --out a manifest with the hash of every picture is written; a \
      spec that names it ("manifest": FILE) reads no picture for its hash but those that changed \
      since. The exit code is 1 where a picture cannot be decoded.

      Examples:
        lab dataset check /data/imagenet --out imagenet.json
        lab dataset check /data/pets --folder
      """)

  @Argument(help: "The data set.", completion: .file())
  var path: String

  @Flag(help: "Any folders of classes, also where they look like ImageNet's.")
  var folder = false

  @Option(help: ArgumentHelp("Write the manifest here.", valueName: "file"))
  var out: String?

  func run() throws {
    let cache = CacheFolder.ofThisUser("pictures").url
    let dataset = try open(cacheFolder: cache?.path)
    StopSignal.install()
    let checker = DatasetChecker(cacheFolder: cache) { Console.note($0) }
    let manifest = try checker.check(dataset)
    if let out { try OutputFile.store(try manifest.json, in: out) }
    for line in Self.lines(manifest) { print(line) }
    if let out { print("The manifest is \(out).") }
    if !manifest.unreadable.isEmpty { throw ExitCode(1) }
  }

  /// ImageNet if its classes or ground truths are found, otherwise any class folders.
  private func open(cacheFolder: String?) throws -> any ImageDataset {
    if folder { return try ClassFolderDataset(folder: path, cacheFolder: cacheFolder) }
    do {
      return try ImageNetDataset(folder: path, cacheFolder: cacheFolder)
    } catch let failure {
      guard let other = try? ClassFolderDataset(folder: path, cacheFolder: cacheFolder) else {
        throw failure
      }
      return other
    }
  }

  /// The report as text: at most five names of each kind.
  static func lines(_ manifest: DatasetManifest) -> [String] {
    var lines = ["\(manifest.name): \(manifest.layout)"] + manifest.warnings.map { "note: \($0)" }
    func add(_ names: [String], _ one: String, _ many: String) {
      guard !names.isEmpty else { return }
      let shown = names.prefix(5).joined(separator: ", ")
      let rest = names.count > 5 ? " and \(names.count - 5) more" : ""
      lines.append("\(counted(names.count, one, many)): \(shown)\(rest)")
    }
    let odd = manifest.odd
    add(
      manifest.unreadable.map { "\($0.path) \($0.reason)" }, "picture cannot be decoded",
      "pictures cannot be decoded")
    add(
      odd.namedOtherwise, "picture of another format than its name says",
      "pictures of another format than their names say")
    add(odd.cmyk, "CMYK picture", "CMYK pictures")
    add(
      odd.turned, "picture turned by EXIF, which evaluation ignores",
      "pictures turned by EXIF, which evaluation ignores")
    add(odd.repeated, "picture with the bytes of another", "pictures with the bytes of another")
    if !odd.gray.isEmpty { lines.append(counted(odd.gray.count, "gray picture")) }
    if let set = manifest.validationSet {
      lines.append(
        set.isWhole
          ? "This is ImageNet-1k's validation set: \(set.reasons[0])."
          : "This is not ImageNet-1k's whole validation set: "
            + set.reasons.joined(separator: "; ") + ".")
    }
    let good = manifest.pictures.count - manifest.unreadable.count
    lines.append(
      "\(counted(good, "picture")) decoded; fingerprint \(manifest.fingerprint.prefix(16)).")
    return lines
  }
}
