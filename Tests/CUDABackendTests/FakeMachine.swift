import CCUDA
import CFakeCUDA
import CSIMTHarness
import Files
import Foundation

@testable import CUDABackend

/// CUDA without a card: a machine whose libraries are the fake ones, in a state of its own.
///
/// The fake is one for the process, so that tests that use it run one after another.
enum FakeMachine {
  /// Everything goes well: one card of compute capability 9.0, kernels on the SIMT harness.
  static func reset() {
    fake_cuda_reset()
    fake_cuda_behave().pointee.launcher = simt_launch
    fake_cuda_behave().pointee.signature = simt_kernel_signature
    fake_cuda_behave().pointee.waits = simt_waits
  }

  static var behavior: fake_cuda_behavior {
    get { fake_cuda_behave().pointee }
    set { fake_cuda_behave().pointee = newValue }
  }
  static var counts: fake_cuda_counts { fake_cuda_count().pointee }

  /// The kernels launched since the reset, in their order.
  static var launched: [Substring] {
    String(cString: fake_cuda_launched()).split(separator: "\n")
  }

  /// Opens libraries; those in `missing` are not there.
  static func open(
    missing: Set<CUDALibraryKind> = []
  ) -> (CUDALibraryKind, Int?) -> Result<OpenedLibrary, MissingLibrary> {
    { kind, driver in open(kind, driver: driver, missing: missing) }
  }

  private static func open(
    _ kind: CUDALibraryKind, driver: Int?, missing: Set<CUDALibraryKind>
  ) -> Result<OpenedLibrary, MissingLibrary> {
    // There is no fake of NVML: a card need not have it.
    guard !missing.contains(kind), kind != .management else {
      return .failure(
        MissingLibrary(
          kind: kind, names: kind.fileNames(driver: driver), folders: ["/usr/local/cuda/lib64"],
          unusable: []))
    }
    return .success(library(kind))
  }

  private static func library(_ kind: CUDALibraryKind) -> OpenedLibrary {
    let resolve: lab_symbol_resolver = { fake_cuda_symbol($0, $1) }
    return OpenedLibrary(path: "fake-\(kind.rawValue)", resolve: resolve, context: nil)
  }

  static func libraries(missing: Set<CUDALibraryKind> = []) throws -> CUDALibraries {
    try CUDALibraries(open: open(missing: missing))
  }

  /// A backend that keeps nothing on disk.
  static func backend(
    _ device: String = "cuda", cache: CacheFolder = CacheFolder(nil)
  ) throws -> CUDABackend {
    try CUDABackend(device: device, libraries: try libraries(), cache: cache)
  }

  /// What is alive on the card, by name, without what is zero.
  static var alive: [String: Int] {
    let c = counts
    let all = [
      "allocations": c.allocations, "bytes": Int32(clamping: c.bytes), "contexts": c.contexts,
      "streams": c.streams, "modules": c.modules, "graphs": c.graphs, "executables": c.executables,
      "events": c.events, "programs": c.programs, "libraries": c.libraries,
      "descriptions": c.descriptions, "pinned": c.pinned,
    ]
    return all.filter { $0.value != 0 }.mapValues(Int.init)
  }

  /// What an operation throws, as a person reads it.
  static func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }
}
