import CPUBackend
import CUDABackend
import Tensors
import Testing
import _TestSupport

extension CUDASuite {
  /// Passes of published implementations on the fake card: the whole backend, graphs included, kernels thread by thread.
  @Suite(.serialized) struct GoldenOnCard {
    @Test(arguments: GoldenCase.all)
    func `float32 gives the published logits and keeps the same tokens`(
      golden: GoldenCase
    ) throws {
      FakeMachine.reset()
      let backend = try FakeMachine.backend()
      let run = try GoldenRun(golden, backend: backend)
      let expected = try golden.file.floats("logits")
      let most = expected.map(abs).max() ?? 1
      #expect(largestDifference(run.logits, expected) < 1e-4 * max(1, most))
      // As a graph the same kernels run on the same numbers.
      #expect(run.unwatchedLogits == run.logits)
      let reference = try GoldenRun(golden, backend: CPUBackend(threads: 2))
      #expect(run.sources == reference.sources)
      #expect(run.dropped == reference.dropped)
      #expect(largestDifference(run.stream, reference.stream) < 1e-4)
    }
  }
}
