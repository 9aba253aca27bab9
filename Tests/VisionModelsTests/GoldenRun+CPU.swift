import CPUBackend
import Goldens
import _TestSupport

extension GoldenRun {
  /// A pass on the CPU.
  init(_ golden: GoldenCase, threads: Int = 2, batchSize: Int? = nil) throws {
    try self.init(golden, backend: CPUBackend(threads: threads), batchSize: batchSize)
  }
}
