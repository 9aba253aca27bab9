import CPUBackend
import Foundation
import Tensors
import Testing
import TokenReduction
import _TestSupport

@testable import VisionModels

/// The model in CONTRIBUTING.md is the one that these tests compile and run.
@Suite struct ContributingModelTests {
  @Test(arguments: ["SmallNet.swift", "SmallNetLayout.swift"])
  func `the page's examples are the tested code`(name: String) throws {
    #expect(try ContributingPage.shows(name, of: #filePath))
  }

  @Test func `a file in the example layout gives the same logits as one with timm's names`() throws
  {
    let small = SmallNet()
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var (own, other): ([String: SafetensorsWriter.Array], [String: SafetensorsWriter.Array]) =
      ([:], [:])
    for (index, tensor) in small.tensors.enumerated() {
      let floats = randomFloats(tensor.count, seed: UInt64(index + 1)).map { abs($0) + 0.1 }
      own[tensor.key] = .init(shape: tensor.shape, floats: floats)
      guard tensor.key == "head.weight" else {
        let key = tensor.key.replacing(/^blocks/, with: "features")
          .replacing(/^head/, with: "classifier")
        other[key] = .init(shape: tensor.shape, floats: floats)
        continue
      }
      let (rows, columns) = (tensor.shape[0], tensor.shape[1])
      other["classifier.weight"] = .init(
        shape: [columns, rows],
        floats: (0..<floats.count).map { floats[$0 % rows * columns + $0 / rows] })
    }
    #expect(Set(own.keys) != Set(other.keys))
    let logits = try [("own", own), ("other", other)].map { name, tensors in
      let url = folder.appendingPathComponent("\(name).safetensors")
      try SafetensorsWriter.write(tensors, to: url)
      let model = try small.load(weights: .file(url), backend: CPUBackend(threads: 1))
      let pass = try PassRunner(model: model, composition: .unreduced(.none), batchSize: 1)
      _ = pass.input.update(from: randomFloats(pass.input.count, seed: 3))
      pass.run()
      return Array(pass.logits)
    }
    #expect(logits[0].count == 10 && logits[0] == logits[1])
    #expect(Set(logits[0]).count == 10)
  }

  @Test func `the model runs, and lists the tensors that it reads`() throws {
    let small = SmallNet()
    #expect(small.problems().isEmpty)
    #expect(
      small.tensors.map(\.key).prefix(5) == [
        "stem.conv.weight", "stem.bn.weight", "stem.bn.bias", "stem.bn.running_mean",
        "stem.bn.running_var",
      ])
    let model = try small.load(weights: .random(seed: 1), backend: CPUBackend(threads: 2))
    let pass = try PassRunner(model: model, composition: .unreduced(.none), batchSize: 2)
    for (index, value) in randomFloats(pass.input.count, seed: 3).enumerated() {
      pass.input[index] = value
    }
    pass.run()
    #expect(pass.logits.count == 20 && !pass.logits.contains { !$0.isFinite })
    #expect(Set(pass.logits.map(\.bitPattern)).count == 20)
    // The stem, then each depthwise and pointwise convolution, and the head.
    let macs = 32 * 32 * 16 * 27 + 16 * 16 * 16 * (9 + 32) + 8 * 8 * 32 * (9 + 64) + 640
    #expect(pass.macs == macs)
  }
}
