/// The libraries that the backend opens at run time.
package enum CUDALibraryKind: String, CaseIterable, Sendable {
  case driver, compiler, gemm, management

  /// The name in messages.
  package var title: String {
    switch self {
    case .driver: "CUDA driver"
    case .compiler: "NVRTC"
    case .gemm: "cuBLASLt"
    case .management: "NVML"
    }
  }

  /// How to get the library, for messages.
  package var remedy: String {
    switch self {
    case .driver, .management: "it comes with NVIDIA's graphics driver"
    case .compiler:
      "it comes with the CUDA toolkit 11 to 13, and as Python's nvidia-cuda-nvrtc"
    case .gemm: "it comes with the CUDA toolkit 11 to 13, and as Python's nvidia-cublas"
    }
  }

  /// The oldest and the newest supported major version of CUDA.
  package static let majors = 11...13

  /// File names to try, newest CUDA version first.
  ///
  /// - Parameter driver: The driver's major version. Newer libraries may not run on it, so they are
  ///   tried last.
  package func fileNames(driver: Int? = nil) -> [String] {
    func ordered(_ names: [(major: Int, name: String)]) -> [String] {
      guard let driver else { return names.map(\.name) }
      return (names.filter { $0.major <= driver } + names.filter { $0.major > driver }).map(\.name)
    }
    switch self {
    case .driver: return ["libcuda.so.1"]
    case .management: return ["libnvidia-ml.so.1"]
    case .compiler:
      // CUDA 11 has the minor version in the name; from 11.2 on, the name stays 11.2.
      return ordered([
        (13, "libnvrtc.so.13"), (12, "libnvrtc.so.12"), (11, "libnvrtc.so.11.2"),
        (11, "libnvrtc.so.11.1"), (11, "libnvrtc.so.11.0"), (11, "libnvrtc.so"),
      ])
    case .gemm:
      return ordered([
        (13, "libcublasLt.so.13"), (12, "libcublasLt.so.12"), (11, "libcublasLt.so.11"),
        (11, "libcublasLt.so"),
      ])
    }
  }
}
