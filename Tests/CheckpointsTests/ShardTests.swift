import Checkpoints
import Files
import Foundation
import Tensors
import Testing

/// Safetensors in several files, with an index.
@Suite struct ShardTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try write("a.safetensors", "x", [1, 2])
    try write("b.safetensors", "y", [3])
  }

  private func write(_ name: String, _ tensor: String, _ values: [Float]) throws {
    let header =
      #"{"\#(tensor)":{"dtype":"F32","shape":[\#(values.count)],"data_offsets":[0,\#(4 * values.count)]}}"#
    var data = Data()
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { data.append(contentsOf: $0) }
    data.append(contentsOf: header.utf8)
    values.withUnsafeBytes { data.append(contentsOf: $0) }
    try data.write(to: folder.appendingPathComponent(name))
  }

  private func open(index: String) throws -> Checkpoint {
    let url = folder.appendingPathComponent("model.safetensors.index.json")
    try Data(index.utf8).write(to: url)
    return try Checkpoint.open(PathBytes(url.path))
  }

  @Test func `an index opens all its shards`() throws {
    let checkpoint = try open(
      index: #"{"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}"#)
    #expect(try checkpoint.floats("x") == [1, 2])
    #expect(try checkpoint.floats("y") == [3])
  }

  @Test(arguments: [
    (#"{"weight_map": {"z": "a.safetensors"}}"#, "1 of its tensors are in no shard, z among them"),
    (#"{"weight_map": {"x": "../a.safetensors"}}"#, "which is not beside it"),
    (#"{"x": 1}"#, "has no \"weight_map\""),
    (#"{"weight_map": {"x": "c.safetensors"}}"#, "c.safetensors"),
  ])
  func `an index that its shards do not bear out is refused`(index: String, words: String) throws {
    let error = #expect(throws: (any Error).self) { try open(index: index) }
    #expect("\(error as Any)".contains(words), "\(error as Any)")
  }
}
