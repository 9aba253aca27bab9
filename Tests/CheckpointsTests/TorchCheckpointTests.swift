import Checkpoints
import Files
import Foundation
import Support
import Testing
import _TestSupport

/// Files that PyTorch wrote (`Fixtures/make_checkpoints.py`).
@Suite struct TorchCheckpointTests {
  private static func open(_ name: String) throws -> Checkpoint {
    try Checkpoint.open(PathBytes(Fixtures.url("checkpoints/\(name)").path))
  }

  /// Multiples of 1/8 from 1/8 on.
  private static func ramp(_ count: Int) -> [Float] { (0..<count).map { Float($0 + 1) / 8 } }

  @Test(arguments: [("state.pth", ""), ("training.pth", "model."), ("legacy.pth", "model.")])
  func `every kind of tensor is read under its nested key`(
    file: (name: String, prefix: String)
  ) throws {
    let checkpoint = try Self.open(file.name)
    #expect(checkpoint.format == .torch)
    func floats(_ name: String) throws -> [Float] { try checkpoint.floats(file.prefix + name) }
    #expect(checkpoint.tensors[file.prefix + "cls_token"]?.shape == [1, 1, 3])
    #expect(try floats("cls_token") == Self.ramp(3))
    #expect(try floats("blocks.0.weight") == Self.ramp(6))
    for name in ["half", "brain", "double"] { #expect(try floats(name) == Self.ramp(5)) }
    #expect(try floats("long") == [-3, 7])
    #expect(try floats("flags") == [1, 0])
    #expect(checkpoint.tensors[file.prefix + "transposed"]?.shape == [6, 4])
    let base = Self.ramp(24)
    #expect(
      try floats("transposed")
        == (0..<6).flatMap { row in (0..<4).map { base[$0 * 6 + row] } })
    #expect(try floats("inside") == [8, 9, 10, 14, 15, 16].map { base[$0] })
    #expect(try floats("scalar") == [base[15]])
    #expect(checkpoint.tensors[file.prefix + "scalar"]?.shape == [])
    #expect(try floats("empty").isEmpty)
    #expect(try floats("parameter") == Self.ramp(2))
  }

  @Test func `training state next to the weights is skipped`() throws {
    let checkpoint = try Self.open("training.pth")
    #expect(try checkpoint.floats("optimizer.state.0.step") == [3])
    #expect(checkpoint.tensors.keys.allSatisfy { !$0.hasPrefix("args") })
  }

  @Test func `a pickle of protocol 4 is read`() throws {
    #expect(try Self.open("protocol4.pth").floats("v") == Self.ramp(3))
  }

  @Test func `8-bit floats are read`() throws {
    let checkpoint = try Self.open("float8.pth")
    #expect(try checkpoint.floats("e4m3") == [0, 1, -1.5, 448, 0x1p-9])
    #expect(try checkpoint.floats("e5m2") == [0.125, 0.25, 0.375, 0.5])
  }

  @Test func `a pickle that calls another function is refused with its name`() throws {
    let path = Fixtures.url("checkpoints/harmful.pth").path
    let error = #expect(throws: CheckpointError.self) { try Self.open("harmful.pth") }
    #expect(
      error?.description
        == "\(path): its pickle asks for posix.system, which weights do not need, and was not "
        + "executed; save the state_dict alone, with torch.save(model.state_dict(), …)")
  }

  @Test(arguments: ["state.pth", "legacy.pth", "arrays.npz", "compressed.npz"])
  func `a truncated file is refused`(name: String) throws {
    let whole = try Data(contentsOf: Fixtures.url("checkpoints/\(name)"))
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for part in 1..<40 {
      let url = folder.appendingPathComponent("\(part)")
      try whole.prefix(whole.count * part / 40).write(to: url)
      #expect(throws: (any Error).self, "\(part) of 40") {
        try Checkpoint.open(PathBytes(url.path))
      }
    }
  }

  /// A changed byte may change values or give an error, but nothing else.
  @Test(arguments: ["state.pth", "legacy.pth", "arrays.npz", "compressed.npz"])
  func `a file with changed bytes is read or refused`(name: String) throws {
    let whole = try Data(contentsOf: Fixtures.url("checkpoints/\(name)"))
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: url) }
    var random = SplitMix64(seed: 7)
    var refused = 0
    for _ in 0..<400 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      try bytes.write(to: url)
      do {
        let checkpoint = try Checkpoint.open(PathBytes(url.path))
        for (name, tensor) in checkpoint.tensors {
          #expect(try checkpoint.floats(name).count == tensor.count)
        }
      } catch { refused += 1 }
    }
    #expect(refused > 0)
  }
}
