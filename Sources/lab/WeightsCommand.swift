import ArgumentParser
import Checkpoints
import Experiments
import Files
import Foundation
import Hub
import Records
import Reporting
import Support
import VisionModels

/// `lab weights`: models of the Hugging Face Hub on this machine, and the contents of weight files.
struct WeightsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weights",
    abstract: "Fetch models of the Hugging Face Hub, list them, or look into a file of weights.",
    discussion: """
      Examples:
        lab weights pull hf:timm/deit_small_patch16_224.fb_in1k
        lab weights list
        lab weights inspect deit_small_patch16_224-cd65a155.pth
      """,
    subcommands: [PullWeights.self, ListWeights.self, InspectWeights.self])
}

/// `lab weights pull`.
struct PullWeights: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Download a model's configuration and weights.",
    discussion: """
      They go to Hugging Face's own cache (HF_HOME, else ~/.cache/huggingface), where its other programs find them too. A branch that moved
      since the last time is fetched where it is now; HF_TOKEN is for private and gated repositories, HF_ENDPOINT for another server.

      Example:
        lab weights pull hf:timm/deit_small_patch16_224.fb_in1k hf:facebook/dinov2-small@main
      """)

  @Argument(help: "Repositories: hf:OWNER/NAME, with /FILE and @REVISION where they are meant.")
  var repositories: [String]

  func run() throws {
    let hub = Hub.here(isOffline: false)
    for text in repositories {
      let reference = try HubReference(text)
      let found = try hub.findWeights(of: reference, refreshes: true)
      if reference.file == nil {
        for name in ["config.json", "preprocessor_config.json"] {
          _ = try hub.file(name, of: reference)
        }
      }
      let url = try hub.fetchWeights(found, of: reference)
      print(url.path)
    }
  }
}

/// `lab weights list`.
struct ListWeights: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the models in Hugging Face's cache on this machine.",
    discussion: """
      Example:
        lab weights list
      """)

  func run() throws {
    let hub = Hub.here(isOffline: true)
    let entries = hub.cache.entries()
    guard !entries.isEmpty else {
      Console.note(
        "\(hub.settings.cache.path) has no models; `lab weights pull hf:OWNER/NAME` fetches one")
      return
    }
    let table = TextTable(
      header: ["model", "commit", "size", "files"],
      alignments: [.leading, .leading, .trailing, .leading],
      rows: entries.map { entry in
        let part = entry.incompleteBytes > 0 ? " (and a transfer that has not ended)" : ""
        return [
          entry.reference.text, String(entry.commit.prefix(8)),
          Downloads.text(entry.files.reduce(0) { $0 + $1.bytes }),
          entry.files.map(\.name).joined(separator: ", ") + part,
        ]
      })
    let lines = table.lines(width: Console.listWidth, dropping: ["commit"], wrapping: "files")
    print(lines.joined(separator: "\n"))
  }
}

/// `lab weights inspect`.
struct InspectWeights: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Say what a file of weights holds and which models it fits.",
    discussion: """
      Example:
        lab weights inspect deit_small_patch16_224-cd65a155.pth --tensors
      """)

  @Argument(help: "A file, a folder with a config.json, or hf:OWNER/NAME.", completion: .file())
  var weights: String

  @Flag(help: "Name every tensor with its type and shape.")
  var tensors = false

  @Flag(help: "Use what is in the cache alone.")
  var offline = false

  func run() throws {
    let hub = Hub.here(isOffline: offline)
    let (url, found) = try located(hub)
    let files = try CheckpointFiles([url])
    for checkpoint in files.checkpoints {
      let count = checkpoint.tensors.values.reduce(0) { $0 + $1.count }
      print(
        "\(checkpoint.path): \(checkpoint.format.rawValue), "
          + "\(counted(checkpoint.tensors.count, "tensor")), "
          + String(format: "%.1f M numbers (", Double(count) / 1e6) + Self.types(checkpoint) + ")")
    }
    if let found {
      for note in found.notes { print(note) }
      print("images: \(found.entry.preprocessing.text)")
      print(try Self.fit(files, found.entry))
    } else {
      let fitting = ModelRegistry.all.compactMap { Self.sentence(files, $0) }
      for sentence in fitting { print(sentence) }
      if fitting.isEmpty {
        print("fits none of the models of `lab models`; a spec names its sizes as \"architecture\"")
      }
    }
    guard tensors else { return }
    for checkpoint in files.checkpoints {
      let names = checkpoint.tensors.sorted { $0.key < $1.key }
      let table = TextTable(
        header: ["tensor", "type", "shape"], alignments: [.leading, .leading, .leading],
        rows: names.map { [$0.key, $0.value.type.rawValue, "\($0.value.shape)"] })
      print(table.lines().joined(separator: "\n"))
    }
  }

  private func located(_ hub: Hub) throws -> (URL, ModelFinder.Found?) {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: weights, isDirectory: &isFolder)
    // A file that is not there is told as one that cannot be read.
    if !HubReference.isMeant(by: weights), !isFolder.boolValue {
      return (URL(fileURLWithPath: weights), nil)
    }
    let source = try SpecSource(text: "{}", file: "the command line")
    let found = try ModelFinder(hub: hub).find(weights, source)
    guard HubReference.isMeant(by: weights) else {
      return (URL(fileURLWithPath: found.weights), found)
    }
    let reference = try HubReference(weights)
    return (try hub.fetchWeights(hub.findWeights(of: reference), of: reference), found)
  }

  private static func types(_ checkpoint: Checkpoint) -> String {
    Set(checkpoint.tensors.values.map(\.type.rawValue)).sorted().joined(separator: ", ")
  }

  private static func fit(_ files: CheckpointFiles, _ entry: ModelEntry) throws -> String {
    let notes = try entry.architecture.fit(files, name: entry.name).notes
    return "fits \(entry.name)" + (notes.isEmpty ? "" : ": " + notes.joined(separator: "; "))
  }

  /// How files fit a model of the registry: completely, with another number of classes, or without
  /// a classifier; `nil` if they do not.
  private static func sentence(_ files: CheckpointFiles, _ entry: ModelEntry) -> String? {
    do {
      return try fit(files, entry)
    } catch VisionModelsError.otherClasses(_, _, let classes) {
      var members = entry.architecture.members
      (members["family"], members["num_classes"]) = (nil, .integer(classes))
      guard let sizes = type(of: entry.architecture).decode(members),
        let notes = try? sizes.fit(files, name: entry.name).notes
      else { return nil }
      return "fits \(entry.name) with \"architecture\": {\"num_classes\": \(classes)}"
        + (notes.isEmpty ? "" : ": " + notes.joined(separator: "; "))
    } catch VisionModelsError.noHead {
      return "is the backbone of \(entry.name), without the classifier"
    } catch {
      return nil
    }
  }
}
