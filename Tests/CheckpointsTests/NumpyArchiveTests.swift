import Checkpoints
import Files
import Foundation
import Testing
import _TestSupport

/// Files that NumPy wrote (`Fixtures/make_checkpoints.py`).
@Suite struct NumpyArchiveTests {
  private static func open(_ name: String) throws -> Checkpoint {
    try Checkpoint.open(PathBytes(Fixtures.url("checkpoints/\(name)").path))
  }

  @Test(arguments: ["arrays.npz", "compressed.npz"])
  func `stored and compressed arrays are read`(name: String) throws {
    let checkpoint = try Self.open(name)
    #expect(checkpoint.format == .numpy)
    #expect(checkpoint.tensors["embedding/kernel"]?.shape == [3, 4])
    #expect(try checkpoint.floats("embedding/kernel") == (0..<12).map(Float.init))
    #expect(try checkpoint.floats("half") == [0, 0.25, 0.5, 0.75, 1])
    #expect(try checkpoint.floats("fortran") == [0, 1, 2, 3, 4, 5])
    #expect(checkpoint.tensors["scalar"]?.shape == [])
    #expect(try checkpoint.floats("scalar") == [2.5])
    #expect(try checkpoint.floats("integers") == [-1, 2])
  }

  @Test func `an array that is not numeric is named`() throws {
    let error = #expect(throws: CheckpointError.self) { try Self.open("text.npz") }
    #expect(error?.description.contains("name holds elements that are no numbers") == true)
  }
}
