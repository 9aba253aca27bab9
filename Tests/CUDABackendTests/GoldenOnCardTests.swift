import CPUBackend
import CUDABackend
import Goldens
import Tensors
import Testing
import _TestSupport

extension CUDASuite {
  /// Passes of published implementations on the fake card: the whole backend, graphs included,
  /// kernels thread by thread.
  @Suite(.serialized) struct GoldenOnCard {
    @Test(arguments: GoldenCase.all)
    func `float32 gives the published logits and keeps the same tokens`(
      golden: GoldenCase
    ) throws {
      FakeMachine.reset()
      let run = try GoldenRun(golden, backend: try FakeMachine.backend())
      let comparison = try PassComparison(golden, run)
      #expect(comparison.isGood(.float32), "\(comparison.text)")
      // As a graph the same kernels run on the same numbers.
      #expect(run.unwatchedLogits == run.logits)
      let reference = try GoldenRun(golden, backend: CPUBackend(threads: 2))
      #expect(run.sources == reference.sources)
      #expect(run.dropped == reference.dropped)
      #expect(largestDifference(run.stream, reference.stream) < 1e-4)
    }

    @Test(arguments: [Precision.float16, .bfloat16])
    func `half precision is as close as its digits allow`(precision: Precision) throws {
      for name in [
        "vit_micro__none__b4", "vit_micro__tome__r4_prop_b4", "vit_micro__pomt__l1_R12_per_image",
        "dinov2_reg_micro__pomt__l1_R12_b2",
      ] {
        FakeMachine.reset()
        let golden = try #require(GoldenCase.all.first { $0.name == name })
        let backend = try FakeMachine.backend().computing(at: precision)
        let comparison = try PassComparison(golden, try GoldenRun(golden, backend: backend))
        #expect(comparison.isGood(precision), "\(name): \(comparison.text)")
        // In bfloat16 most near ties turn.
        if precision == .float16 {
          #expect(comparison.differingImages.count < comparison.images)
        }
      }
    }

    @Test func `a pass of other numbers or other tokens is no match`() throws {
      let golden = try #require(
        GoldenCase.all.first { $0.name == "vit_micro__pomt__l1_R12_per_image" })
      let right = try GoldenRun(golden, backend: CPUBackend(threads: 1))
      #expect(try PassComparison(golden, right).isGood(.float32))
      var wrong = right
      wrong.logits[3] += 0.01
      #expect(try !PassComparison(golden, wrong).isGood(.float32))
      wrong = right
      wrong.logits[3] = .nan
      #expect(try !PassComparison(golden, wrong).isGood(.float16))
      wrong = right
      wrong.sources[1]?[2].swapAt(1, 2)
      #expect(try PassComparison(golden, wrong).differingImages == [2])
      #expect(try !PassComparison(golden, wrong).isGood(.float32))
      wrong = right
      wrong.unwatchedLogits[0] += 0.01
      #expect(try !PassComparison(golden, wrong).isGood(.bfloat16))
    }
  }
}
