import Checkpoints
import Files
import Foundation
import Tensors
import Testing
import _TestSupport

/// Safetensors in several files, with an index.
@Suite final class ShardTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try write("a.safetensors", "x", [1, 2])
    try write("b.safetensors", "y", [3])
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

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

  @Test func `an index of PyTorch files opens all of them`() throws {
    for (name, shard) in [("state", "1-of-2.bin"), ("float8", "2-of-2.bin")] {
      try FileManager.default.copyItem(
        at: Fixtures.url("checkpoints/\(name).pth"), to: folder.appendingPathComponent(shard))
    }
    let checkpoint = try open(
      index: #"{"weight_map": {"transposed": "1-of-2.bin", "e5m2": "2-of-2.bin"}}"#)
    #expect(checkpoint.format == .torch)
    #expect(try checkpoint.floats("e5m2") == [0.125, 0.25, 0.375, 0.5])
    #expect(try checkpoint.floats("blocks.0.weight") == (1...6).map { Float($0) / 8 })
    #expect(try checkpoint.floats("transposed").count == 24)
    #expect(checkpoint.files.count == 3)
  }

  @Test func `an index that lists another index or shards of two formats is refused`() throws {
    let own = #expect(throws: (any Error).self) {
      try open(index: #"{"weight_map": {"x": "model.safetensors.index.json"}}"#)
    }
    #expect("\(own as Any)".contains("is not a weights file that lab reads"), "\(own as Any)")
    try FileManager.default.copyItem(
      at: Fixtures.url("checkpoints/state.pth"), to: folder.appendingPathComponent("b.bin"))
    let mixed = #expect(throws: CheckpointError.self) {
      try open(index: #"{"weight_map": {"x": "a.safetensors", "half": "b.bin"}}"#)
    }
    #expect("\(mixed as Any)".contains("of two formats"), "\(mixed as Any)")
  }

  @Test func `a header whose length looks like a brace is not taken for an index`() throws {
    // 123 bytes, whose low byte is that of an opening brace.
    let entry = #"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#
    let header = #"{"\#(String(repeating: "n", count: 123 - entry.utf8.count - 5))":\#(entry)}"#
    #expect(header.utf8.count == 123)
    let url = folder.appendingPathComponent("brace.safetensors")
    try Data([123, 0, 0, 0, 0, 0, 0, 0] + Array(header.utf8) + [0, 0, 128, 63]).write(to: url)
    let checkpoint = try Checkpoint.open(PathBytes(url.path))
    #expect(try checkpoint.tensors.keys.map { try checkpoint.floats($0) } == [[1]])
  }

  @Test func `a path may contain a line break`() throws {
    let url = folder.appendingPathComponent("a\nb.safetensors")
    try FileManager.default.copyItem(at: folder.appendingPathComponent("a.safetensors"), to: url)
    #expect(try Checkpoint.open(PathBytes(url.path)).floats("x") == [1, 2])
  }

  @Test(arguments: [
    (#"{"weight_map": {"z": "a.safetensors"}}"#, "1 of its tensors are in no shard, z among them"),
    (#"{"weight_map": {"x": "../a.safetensors"}}"#, "which is not in its folder"),
    (#"{"x": 1}"#, "has no \"weight_map\""),
    (#"{"weight_map": {"x": "c.safetensors"}}"#, "c.safetensors"),
  ])
  func `an index that contradicts its shards is refused`(index: String, words: String) throws {
    let error = #expect(throws: (any Error).self) { try open(index: index) }
    #expect("\(error as Any)".contains(words), "\(error as Any)")
  }
}
