import CFakeCUDA
import Files
import Foundation
import Tensors
import Testing

@testable import CUDABackend

extension CUDASuite {
  /// What a person reads where a library, the driver or a card is not as it must be.
  @Suite(.serialized) struct LibraryProblems {
    init() { FakeMachine.reset() }

    private func failure(missing: Set<CUDALibraryKind> = [], device: String = "cuda") -> String {
      FakeMachine.message {
        _ = try CUDABackend(
          device: device, libraries: try FakeMachine.libraries(missing: missing),
          cache: CacheFolder(nil))
      }
    }

    @Test func `each missing library is named with what it comes with`() {
      #expect(
        failure(missing: [.driver])
          == "CUDA driver is missing: libcuda.so.1 was not found where the dynamic loader "
          + "searches, nor in 1 other folder; it comes with NVIDIA's graphics driver")
      #expect(
        failure(missing: [.compiler])
          == "NVRTC is missing: libnvrtc.so.13 or an older version was not found where the "
          + "dynamic loader searches, nor in 1 other folder; it comes with the CUDA toolkit 11 to 13, and as Python's "
          + "nvidia-cuda-nvrtc")
      #expect(
        failure(missing: [.gemm])
          == "cuBLASLt is missing: libcublasLt.so.13 or an older version was not found where "
          + "the dynamic loader searches, nor in 1 other folder; it comes with the CUDA toolkit 11 to 13, and as "
          + "Python's nvidia-cublas")
    }

    @Test func `a missing function is named with its library`() {
      "cuMemAlloc_v2".withCString {
        FakeMachine.behavior.missing_symbol = UnsafePointer($0)
        #expect(
          failure()
            == "CUDA driver (fake-driver) has no function cuMemAlloc_v2; lab needs one of CUDA "
            + "11.0 to 13")
        FakeMachine.behavior.missing_symbol = nil
      }
    }

    @Test func `an old driver is refused with the version that it needs`() {
      FakeMachine.behavior.driver_version = 10020
      #expect(
        failure() == "the driver runs CUDA 10.2; lab needs a driver for CUDA 11.0 or newer")
    }

    @Test func `no card says what the driver says`() {
      FakeMachine.behavior.cards = 0
      #expect(
        failure()
          == "the driver is there and finds no card: it counts 0 cards; CUDA_VISIBLE_DEVICES may "
          + "hide them")
      FakeMachine.behavior.init_result = 100
      #expect(
        failure()
          == "the driver is there and finds no card: cuInit says CUDA_ERROR_NO_DEVICE, no "
          + "CUDA-capable device is detected")
    }

    @Test func `a card that is not there is refused with those that are`() {
      FakeMachine.behavior.cards = 2
      #expect(
        failure(device: "cuda:3")
          == "there is no cuda:3; found are cuda:0 (Fake card 0), cuda:1 (Fake card 1)")
    }

    @Test func `a library newer than the driver or older than 11 is refused`() {
      FakeMachine.behavior.driver_version = 12040
      FakeMachine.behavior.nvrtc_major = 12
      #expect(
        failure()
          == "cuBLASLt 13.4.0 (fake-gemm) does not go with this driver, which runs CUDA 12.4; "
          + "lab needs cuBLASLt of CUDA 11 to 13, and no newer major version than the driver's")
    }

    @Test func `a card that the compiler no longer knows is refused with those that it knows`() {
      FakeMachine.behavior.major = 6
      FakeMachine.behavior.minor = 2
      #expect(
        failure()
          == "Fake card 0 has compute capability 6.2, and NVRTC 13.0 compiles for 7.5 and newer; an "
          + "older CUDA toolkit (from 11 on) may still know it")
    }

    @Test func `a kernel that does not compile shows the compiler's words`() {
      FakeMachine.behavior.compilation_fails = 1
      #expect(
        failure()
          == "assemble.cu does not compile for sm_90 with NVRTC 13.0: layer.cu(3): error: identifier "
          + "\"x\" is undefined / 1 error detected")
    }

    @Test func `a driver that refuses a kernel is quoted`() {
      FakeMachine.behavior.refuses_modules = 1
      #expect(
        failure()
          == "cuda:0 (Fake card 0): loading assemble.cu failed with CUDA_ERROR_INVALID_IMAGE: device "
          + "kernel image is invalid")
    }

    @Test func `nothing stays behind what fails to open`() {
      FakeMachine.behavior.refuses_modules = 1
      _ = failure()
      FakeMachine.behavior.refuses_modules = 0
      _ = failure(missing: [.gemm])
      #expect(FakeMachine.alive == [:])
    }

    @Test func `cards and libraries are listed`() {
      let lines = CUDAInventory(open: FakeMachine.open(missing: [.gemm])).lines
      #expect(
        lines[0]
          == "cuda:0  Fake card 0, 16.0 GiB of memory, 132 multiprocessors, compute capability 9.0")
      #expect(lines[1].contains("up to 1980 MHz, memory up to 3201 MHz"))
      #expect(lines[2] == "        kernels for sm_90 by NVRTC 13.0")
      #expect(lines.contains { $0.contains("cuBLASLt is not usable: cuBLASLt is missing") })
      #expect(lines.contains { $0.contains("NVML is not usable (clocks are not recorded)") })
      let none = CUDAInventory(open: FakeMachine.open(missing: [.driver])).lines
      #expect(none.count == 1 && none[0].hasPrefix("cuda  not available: CUDA driver is missing"))
      #expect(
        lines.contains {
          $0.contains("looked for libcublasLt.so.13, libcublasLt.so.12, libcublasLt.so.11, ")
            && $0.contains("where the dynamic loader searches, /usr/local/cuda/lib64;")
        })
    }
  }

  /// Which architecture is compiled for, and what the cache on disk does.
  @Suite(.serialized) struct Compilation {
    init() { FakeMachine.reset() }

    private func target(_ major: Int32, _ minor: Int32) throws -> String {
      FakeMachine.behavior.major = major
      FakeMachine.behavior.minor = minor
      let libraries = try FakeMachine.libraries()
      return try KernelCompiler(libraries).target(try CardFacts.all(libraries)[0]).name
    }

    @Test func `a known card gets machine code and a newer one PTX of the newest known`() throws {
      #expect(try target(9, 0) == "sm_90")
      #expect(try target(8, 7) == "compute_86")
      #expect(try target(12, 0) == "compute_100")
    }

    @Test func `a file of one architecture alone is compiled for it with its instructions`()
      throws
    {
      let file = try #require(KernelFiles.sources.first { $0.name == "gemm_wgmma.cu" })
      #expect(file.onlyArchitecture == 90)
      for (major, minor, nvrtc, name) in [
        (9, 0, 13, "sm_90a"), (9, 0, 11, nil), (8, 0, 13, nil), (9, 1, 13, nil), (12, 0, 13, nil),
      ] as [(Int32, Int32, Int32, String?)] {
        FakeMachine.reset()
        FakeMachine.behavior.major = major
        FakeMachine.behavior.minor = minor
        FakeMachine.behavior.nvrtc_major = nvrtc
        if nvrtc < 13 { FakeMachine.behavior.driver_version = 11080 }
        let libraries = try FakeMachine.libraries()
        let compiler = try KernelCompiler(libraries)
        let target = try compiler.target(try CardFacts.all(libraries)[0])
        #expect(compiler.compiles(file, for: target) == (name != nil), "\(major).\(minor)")
        guard let name else { continue }
        #expect(
          compiler.options(file, target, storage: .float16)[0] == "--gpu-architecture=\(name)")
        #expect(
          compiler.options(KernelFiles.sources[0], target, storage: .float16)[0]
            == "--gpu-architecture=sm_90")
      }
    }

    @Test func `the first start compiles and the next takes it from disk`() throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "lab-cuda-\(UUID())")
      defer { try? FileManager.default.removeItem(at: folder) }
      let cache = CacheFolder(folder)
      _ = try FakeMachine.backend(cache: cache)
      let compiled = FakeMachine.counts.compilations
      #expect(Int(compiled) == KernelFiles.sources.count)
      _ = try FakeMachine.backend(cache: cache)
      #expect(FakeMachine.counts.compilations == compiled)

      // A file cut short, and one whose bytes changed, are made again.
      let files = try FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: nil)
      var data = try Data(contentsOf: files[0])
      try data.prefix(40).write(to: files[0])
      data = try Data(contentsOf: files[1])
      data[data.count - 1] ^= 1
      try data.write(to: files[1])
      _ = try FakeMachine.backend(cache: cache)
      #expect(FakeMachine.counts.compilations == compiled + 2)

      // Another version of the compiler makes its own.
      FakeMachine.behavior.nvrtc_minor = 1
      _ = try FakeMachine.backend(cache: cache)
      #expect(FakeMachine.counts.compilations == 2 * compiled + 2)
    }
  }
}

/// Where libraries are looked for.
@Suite struct LibraryFolderTests {
  @Test func `toolkits, wheels of both layouts and Jetson's folders are all looked in`() {
    let tree = [
      "/usr/local": ["bin", "cuda-11.8", "cuda-12.4"],
      "/opt/toolkit/targets": ["x86_64-linux"],
      "/home/a/venv/lib": ["python3.11"],
      "/home/a/venv/lib/python3.11/site-packages/nvidia": [
        "cu13", "cublas", "cuda_nvrtc", "cudnn",
      ],
    ]
    let folders = LibraryFolders(
      environment: ["CUDA_HOME": "/opt/toolkit", "VIRTUAL_ENV": "/home/a/venv", "HOME": "/home/a"],
      program: "/opt/lab", list: { tree[$0] ?? [] }
    ).all
    let wheels = "/home/a/venv/lib/python3.11/site-packages/nvidia"
    let expected = [
      "/opt/lab", "/opt/toolkit/lib64", "/opt/toolkit/lib", "/opt/toolkit/targets/x86_64-linux/lib",
      "/usr/local/cuda/lib64", "/usr/local/cuda-12.4/lib64", "/usr/local/cuda-11.8/lib64",
      "\(wheels)/cu13/lib", "\(wheels)/cuda_nvrtc/lib", "\(wheels)/cublas/lib",
      "/usr/lib/aarch64-linux-gnu/tegra",
    ]
    #expect(folders.filter(expected.contains) == expected)
    #expect(Set(folders).count == folders.count)
  }

  @Test func `a library that does not open is told apart from one that is not there`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lab-lib-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data("no library".utf8).write(to: folder.appendingPathComponent("libcublasLt.so.12"))
    let search = LibrarySearch(
      LibraryFolders(environment: [:], program: folder.path, list: { _ in [] }))
    guard case .failure(let missing) = search.open(.gemm) else {
      Issue.record("a text was opened as a library")
      return
    }
    #expect(missing.unusable.count == 1)
    #expect(missing.unusable[0].hasPrefix("\(folder.path)/libcublasLt.so.12 does not open: "))
    #expect(missing.folders.first == folder.path)
  }

  @Test func `versions are read as each library counts them`() {
    #expect(CUDALibraries.version(12040) == "12.4")
    #expect(CUDALibraries.gemmVersion(130400) == (13, "13.4.0"))
    #expect(CUDALibraries.gemmVersion(110502) == (11, "11.5.2"))
    #expect(CUDALibraries.gemmVersion(11502) == (11, "11.5.2"))
  }
}
