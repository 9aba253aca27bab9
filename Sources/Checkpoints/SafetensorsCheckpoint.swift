import Files
import Foundation
import Tensors

/// Safetensors files, alone or as the shards that an index names.
enum SafetensorsCheckpoint {
  /// More than the index of any model has.
  private static let maxIndexBytes = 64 << 20

  static func open(_ file: MappedFile) throws -> Checkpoint {
    let read = try SafetensorsFile(url: URL(fileURLWithPath: file.path.description))
    return Checkpoint(
      path: file.path, format: .safetensors, tensors: try tensors(of: read, source: 0),
      metadata: read.metadata, sources: [.mapped(file)])
  }

  private static func tensors(
    of file: SafetensorsFile, source: Int
  ) throws -> [String: StoredTensor] {
    file.entries.mapValues { entry in
      StoredTensor(
        type: entry.type, shape: entry.shape, offset: entry.bytes.lowerBound,
        strides: StoredTensor.contiguous(entry.shape), source: source)
    }
  }

  /// Hugging Face's `model.safetensors.index.json`.
  private struct Index: Decodable {
    /// The shard of each tensor, a name in the index's folder.
    let weightMap: [String: String]

    enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
  }

  /// The shards of an index, each of which must hold the tensors that the index says.
  static func openIndex(_ file: MappedFile) throws -> Checkpoint {
    func malformed(_ reason: String) -> CheckpointError {
      .malformed(path: file.path, format: "shard index", reason: reason)
    }
    guard file.count <= maxIndexBytes else { throw malformed("it has \(file.count) bytes") }
    let index: Index
    do {
      index = try JSONDecoder().decode(Index.self, from: Data(file.bytes))
    } catch {
      throw malformed("it has no \"weight_map\" of tensors and their files")
    }
    let folder = URL(fileURLWithPath: file.path.description).deletingLastPathComponent()
    var sources: [Checkpoint.Source] = []
    var tensors: [String: StoredTensor] = [:]
    for shard in Set(index.weightMap.values).sorted() {
      guard !shard.contains("/"), shard != ".." else {
        throw malformed("it names the shard \(shard), which is not beside it")
      }
      let url = folder.appendingPathComponent(shard)
      let read = try SafetensorsFile(url: url)
      tensors.merge(try Self.tensors(of: read, source: sources.count)) { first, _ in first }
      sources.append(.mapped(try MappedFile(PathBytes(url.path))))
    }
    let missing = index.weightMap.keys.filter { tensors[$0] == nil }.sorted()
    if let first = missing.first {
      throw malformed("\(missing.count) of its tensors are in no shard, \(first) among them")
    }
    return Checkpoint(
      path: file.path, format: .safetensors, tensors: tensors, sources: sources)
  }
}
