import Testing
import _TestSupport

@testable import CUDABackend

extension CUDASuite {
  /// The contract of every operation on the stand-in card: our kernels on the SIMT harness.
  @Suite(.serialized) struct OperationContracts {
    @Test func `every operation holds to its contract`() throws {
      FakeMachine.reset()
      let backend = try FakeMachine.backend()
      #expect(try OperationContract.failures(of: backend) == [])
    }
  }
}
