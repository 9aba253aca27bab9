import Foundation
import Testing

@testable import Datasets

@Suite struct DemoModelTests {
  @Test func `the weights are found from the tests' working directory and are safetensors`() throws
  {
    let url = try DemoModel.weightsURL()
    let bytes = try Data(contentsOf: url, options: .alwaysMapped)
    #expect(bytes.count <= 8_000_000)
    let headerBytes = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONSerialization.jsonObject(with: bytes[8..<(8 + headerBytes)])
    let tensors = try #require(header as? [String: Any])
    let position = try #require(tensors["pos_embed"] as? [String: Any])
    #expect(position["shape"] as? [Int] == [1, 145, 96])
    #expect(position["dtype"] as? String == "F16")
    let head = try #require(tensors["head.weight"] as? [String: Any])
    #expect(head["shape"] as? [Int] == [DemoDataset.classNames.count, 96])
  }

  @Test func `the weights are found from a folder inside the package`() throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: root) }
    let weights = root.appendingPathComponent(DemoModel.relativePath)
    let build = root.appendingPathComponent(".build/debug")
    for folder in [weights.deletingLastPathComponent(), build] {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
    try Data([1]).write(to: weights)
    let found = try DemoModel.weightsURL(
      packageFolder: URL(fileURLWithPath: "/nowhere"), startingPoints: [build])
    #expect(found.standardizedFileURL.path == weights.standardizedFileURL.path)
  }

  @Test func `missing weights are an error that lists the searched paths`() {
    let error = #expect(throws: DemoModelError.self) {
      try DemoModel.weightsURL(
        packageFolder: URL(fileURLWithPath: "/nowhere"),
        startingPoints: [URL(fileURLWithPath: "/no/where")])
    }
    #expect(
      error?.description
        == "demo_vit: its weights were not found; looked for "
        + "/no/where/Datasets/demo/demo_vit.safetensors, /no/Datasets/demo/demo_vit.safetensors, "
        + "/Datasets/demo/demo_vit.safetensors, /nowhere/Datasets/demo/demo_vit.safetensors; run the program from within the package's folder, "
        + "which holds Datasets/demo/demo_vit.safetensors")
  }

  @Test func `the class list next to the weights equals the data set's`() throws {
    let list = try DemoModel.weightsURL().deletingLastPathComponent()
      .appendingPathComponent("classes.txt")
    let names = try String(contentsOf: list, encoding: .utf8).split(separator: "\n").map(
      String.init)
    #expect(names == DemoDataset.classNames)
  }
}
