import Files
import Foundation

/// Hugging Face's index of a model in several files: `model.safetensors.index.json` and
/// `pytorch_model.bin.index.json`.
enum ShardIndex {
  /// More than the index of any model has.
  private static let maxBytes = 64 << 20

  private struct Index: Decodable {
    /// The shard of each tensor, a name in the index's folder.
    let weightMap: [String: String]

    enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
  }

  /// The shards of an index, each of which must hold the tensors that the index says.
  static func open(_ file: MappedFile) throws -> Checkpoint {
    func malformed(_ reason: String) -> CheckpointError {
      .malformed(path: file.path, format: "shard index", reason: reason)
    }
    guard file.count <= maxBytes else { throw malformed("it has \(file.count) bytes") }
    let index: Index
    do {
      index = try JSONDecoder().decode(Index.self, from: Data(file.bytes))
    } catch {
      throw malformed("it has no \"weight_map\" of tensors and their files")
    }
    var joined = Checkpoint(path: file.path, format: .safetensors, tensors: [:], sources: [])
    let shards = Set(index.weightMap.values).sorted()
    for (number, shard) in shards.enumerated() {
      guard !shard.contains("/"), shard != ".." else {
        throw malformed("it names the shard \(shard), which is not in its folder")
      }
      let opened = try Checkpoint.openShard(file.path.folder / PathBytes(shard))
      guard number == 0 || opened.format == joined.format else {
        throw malformed("its shards are of two formats, \(joined.format) and \(opened.format)")
      }
      joined = joined.joined(with: opened)
    }
    let missing = index.weightMap.keys.filter { joined.tensors[$0] == nil }.sorted()
    if let first = missing.first {
      throw malformed("\(missing.count) of its tensors are in no shard, \(first) among them")
    }
    return joined
  }
}
