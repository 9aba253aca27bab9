import Foundation
import Records
import Tensors
import Testing
import TokenReduction
import _TestSupport

@testable import CUDABackend
@testable import VisionModels

extension CUDASuite {
  /// Whole models that are no plain ViTs on the fake card, graphs included, against timm's logits.
  @Suite(.serialized) struct PictureModelsOnCard {
    static let names = Fixtures.names(in: "families")

    private func logits(
      _ name: String, _ precision: Precision
    ) throws -> (found: [Float], expected: [Float], launched: [Substring]) {
      FakeMachine.reset()
      let file = try SafetensorsFile(url: Fixtures.url("families/\(name).safetensors"))
      let family = try #require(ModelRegistry.family(named: file.metadata["family"] ?? ""))
      let members = try JSONDecoder().decode(
        [String: JSONValue].self, from: Data((file.metadata["architecture"] ?? "").utf8))
      let decoded = family.decode(members)
      let architecture = try #require(decoded)
      let url = FileManager.default.temporaryDirectory.appendingPathComponent(
        "\(UUID()).safetensors")
      defer { try? FileManager.default.removeItem(at: url) }
      var tensors: [String: SafetensorsWriter.Array] = [:]
      for (key, entry) in file.entries where key.hasPrefix("weights.") {
        tensors[String(key.dropFirst(8))] = .init(
          shape: entry.shape, floats: try file.floats(key))
      }
      try SafetensorsWriter.write(tensors, to: url)
      let backend = try FakeMachine.backend().computing(at: precision)
      let model = try architecture.load(weights: .file(url), backend: backend)
      let pass = try PassRunner(model: model, composition: .unreduced(.none), batchSize: 1)
      _ = pass.input.update(from: try file.floats("images")[..<pass.input.count])
      pass.run()
      try backend.check()
      let expected = try file.floats("logits")[..<pass.logits.count]
      return (Array(pass.logits), Array(expected), FakeMachine.launched)
    }

    private func relative(_ found: [Float], _ expected: [Float]) -> Float {
      let range = (expected.max() ?? 0) - (expected.min() ?? 0)
      return largestDifference(found, expected) / max(range, .leastNormalMagnitude)
    }

    @Test(arguments: names)
    func `logits are timm's`(name: String) throws {
      let (found, expected, _) = try logits(name, .float32)
      #expect(found.count > 1 && relative(found, expected) < 2e-5)
    }

    /// Half of the mantissa of float16 is left after some dozen layers.
    @Test(arguments: names)
    func `half precision is close, on tensor cores`(name: String) throws {
      let (found, expected, launched) = try logits(name, .float16)
      #expect(relative(found, expected) < 0.05)
      #expect(launched.contains { $0.contains("_mma_") })
    }
  }
}
