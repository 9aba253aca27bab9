import CPUBackend
import Records
import Tensors
import Testing
import VisionModels
import _TestSupport

@testable import CUDABackend

extension CUDASuite {
  /// Plain ViTs that differ in a part on the fake card, whose passes are laid out before they have
  /// memory.
  @Suite(.serialized) struct VariantsOnCard {
    private func runner(
      _ index: Int, _ method: MethodSetting, on backend: any Backend
    ) throws -> PassRunner {
      let (name, sizes) = ViTVariants.all[index]
      let model = try sizes.load(
        name: name, weights: .file(Fixtures.url("variants/\(name).safetensors")),
        backend: backend)
      let entry = ModelRegistry.custom(sizes, name: name)
      return try PassRunner(
        model: model, composition: entry.composition(for: method), batchSize: 2)
    }

    @Test(arguments: ViTVariants.all.indices)
    func `a variant gives timm's logits`(index: Int) throws {
      FakeMachine.reset()
      let backend = try FakeMachine.backend()
      let pass = try runner(index, MethodSetting(name: "none", parameters: [:]), on: backend)
      let stored = try SafetensorsFile(url: Fixtures.url("variants/logits.safetensors"))
      _ = pass.input.update(from: try stored.floats("images"))
      pass.run()
      try backend.check()
      let expected = try stored.floats(ViTVariants.all[index].name)
      #expect(largestDifference(pass.logits, expected) < 1e-4)
    }

    /// Behind its map, where half of the fused layer is needed for the tokens that are left.
    @Test(arguments: ViTVariants.all.indices)
    func `tokens are merged inside attention as on a processor`(index: Int) throws {
      FakeMachine.reset()
      let backend = try FakeMachine.backend()
      let method = MethodSetting(
        name: "mctf", parameters: ["r": .integer(4), "least": .integer(4)])
      let stored = try SafetensorsFile(url: Fixtures.url("variants/logits.safetensors"))
      var found: [[Float]] = []
      for backend in [backend, try CPUBackend(threads: 2)] as [any Backend] {
        let pass = try runner(index, method, on: backend)
        #expect(pass.composition.steps.contains { $0.position == .insideAttention })
        _ = pass.input.update(from: try stored.floats("images"))
        pass.run()
        try backend.check()
        found.append(Array(pass.logits))
      }
      #expect(largestDifference(found[0], found[1]) < 1e-4)
    }
  }
}
