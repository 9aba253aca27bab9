import CPUBackend
import Foundation
import Tensors
import Testing
import TokenReduction
import _TestSupport

@testable import VisionModels

/// The model that CONTRIBUTING.md shows is the one that these tests compile and run, so that the
/// page cannot grow old.
@Suite struct ContributingModelTests {
  @Test func `the page's model is the code that is tested`() throws {
    #expect(try ContributingPage.shows("SmallNet.swift", of: #filePath))
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
