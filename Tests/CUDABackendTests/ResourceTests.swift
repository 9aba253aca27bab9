import CCUDA
import CFakeCUDA
import Foundation
import Tensors
import Testing

@testable import CUDABackend

/// NVIDIA's compiler and disassemblers, wheels next to the project.
private enum ResourceTools {
  static let root: URL = {
    var root = URL(filePath: #filePath)
    for _ in 0..<3 { root.deleteLastPathComponent() }
    return root.appending(path: ".build/nvrtc")
  }()
  static let library = root.appending(path: "13/nvidia/cu13/lib/libnvrtc.so.13").path
  static let usage = root.appending(path: "cuobjdump/nvidia/cu13/bin/cuobjdump").path
  static let disassembler =
    root.appending(path: "nvdisasm/nvidia/cu13/bin/nvdisasm").path
  static let areThere = [library, usage, disassembler].allSatisfy {
    FileManager.default.fileExists(atPath: $0)
  }
}

extension CUDASuite {
  /// Registers, spills and instructions of the machine code that NVIDIA's compiler makes of the
  /// kernels.
  ///
  /// Compiler and disassemblers are wheels next to the project (`Scripts/nvrtc.sh`).
  @Suite(
    .serialized,
    .enabled(
      if: ResourceTools.areThere,
      "NVRTC 13, cuobjdump or nvdisasm is not installed: Scripts/nvrtc.sh installs them"))
  struct ResourceTests {
    init() { FakeMachine.reset() }

    private struct Kernel {
      var registers = 0
      /// Bytes of local memory and of the stack: what did not fit in registers.
      var spilled = 0
      /// Instructions by name, with their suffixes.
      var instructions: [Substring: Int] = [:]

      func count(_ prefix: String, _ part: String = "") -> Int {
        instructions.filter {
          $0.key.hasPrefix(prefix) && (part.isEmpty || $0.key.contains(part))
        }.values
          .reduce(0, +)
      }
    }

    /// Compiles a file as the program does, and takes the machine code apart.
    private func kernels(
      _ file: String, _ architecture: Int, _ storage: DType = .float16
    ) throws -> [String: Kernel] {
      let libraries = try CUDALibraries { kind, driver in
        guard kind == .compiler, let handle = dlopen(ResourceTools.library, RTLD_NOW | RTLD_LOCAL)
        else {
          return FakeMachine.open()(kind, driver)
        }
        return .success(
          OpenedLibrary(path: ResourceTools.library, resolve: lab_library_symbol, context: handle))
      }
      let source = try #require(KernelFiles.sources.first { $0.name == file })
      let code = try KernelCompiler(libraries).compile(
        source, KernelCompiler.Target(architecture: architecture, isExact: true),
        storage: storage)
      #expect(code.isMachineCode && code.hasKernels)
      let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).cubin")
      defer { try? FileManager.default.removeItem(at: url) }
      try code.image.write(to: url)
      var kernels: [String: Kernel] = [:]
      var name = ""
      for line in try output(ResourceTools.usage, "-res-usage", url.path).split(separator: "\n") {
        if let match = line.firstMatch(of: #/Function ([a-z0-9_]+):/#) {
          name = String(match.1)
          kernels[name] = Kernel()
        }
        if let match = line.firstMatch(of: #/REG:(\d+) STACK:(\d+) .*LOCAL:(\d+)/#) {
          kernels[name]?.registers = Int(match.1) ?? 0
          kernels[name]?.spilled = (Int(match.2) ?? 0) + (Int(match.3) ?? 0)
        }
      }
      for line in try output(ResourceTools.disassembler, "-c", url.path).split(separator: "\n") {
        if let match = line.firstMatch(of: #/\.text\.([a-z0-9_]+):/#) { name = String(match.1) }
        let pattern = #/\*\/\s+(?:@!?U?P\d+ )?([A-Z][A-Z0-9]+(?:\.[A-Za-z0-9_]+)*)/#
        if let match = line.firstMatch(of: pattern) {
          kernels[name]?.instructions[match.1, default: 0] += 1
        }
      }
      return kernels
    }

    private func output(_ tool: String, _ arguments: String...) throws -> String {
      let process = Process()
      process.executableURL = URL(filePath: tool)
      process.arguments = arguments
      let pipe = Pipe()
      process.standardOutput = pipe
      try process.run()
      let data = pipe.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      return String(decoding: data, as: UTF8.self)
    }

    @Test(arguments: [80, 90])
    func `attention keeps its rows in registers and moves operands in 16 bytes`(
      architecture: Int
    ) throws {
      let kernels = try kernels("attention_mma.cu", architecture)
      for width in [32, 64, 128] {
        let kernel = try #require(kernels["attention_mma_d\(width)_f16"])
        // At 128 registers, with which two blocks of 256 are resident, the compiler keeps a few
        // words outside.
        let spilled = width == 64 ? architecture == 90 ? 32 : 8 : 0
        #expect(kernel.spilled <= spilled, "\(width)")
        #expect(spilled > 0 || kernel.count("LDL") == 0 && kernel.count("STL") == 0, "\(width)")
        // What the launch assumes, in steps of eight; no more than a block of 256 can have.
        #expect(kernel.registers <= AttentionLaunch.registers(width))
        #expect(AttentionLaunch.registers(width) <= 255)
        // Two products for each 16 keys and 16 features, on both sides of the softmax.
        let tile = width == 128 ? 32 : 64
        #expect(kernel.count("HMMA.16816.F32") >= 2 * 2 * (tile / 16) * (width / 16))
        #expect(kernel.count("LDSM", "MT88") > 0 && kernel.count("LDSM") > 0)
        #expect(kernel.count("LDGSTS", "128") > 0)
        let limits = Occupancy.Limits.of(major: architecture / 10, minor: architecture % 10)
        let shared = 2 * 4 * tile * (width + 8)
        let blocks = Occupancy.blocks(
          limits, block: 128, registers: kernel.registers, shared: shared)
        #expect(blocks >= (width == 128 ? 2 : 3), "\(width)")
      }
    }

    @Test func `products of ours keep their sums in registers`() throws {
      let kernels = try kernels("convolution_mma.cu", 80)
      let limits = Occupancy.Limits.of(major: 8, minor: 0)
      for (name, block, shared) in [
        ("convolve_mma_large_f16", 512, 40_960), ("convolve_mma_small_f16", 128, 20_480),
      ] {
        let kernel = try #require(kernels[name])
        #expect(kernel.spilled == 0)
        #expect(kernel.count("HMMA.16816.F32") >= 16)
        #expect(kernel.count("LDSM") >= 8 && kernel.count("LDGSTS", "128") > 0)
        let blocks = Occupancy.blocks(
          limits, block: block, registers: kernel.registers, shared: shared)
        #expect(blocks * block >= 768, "\(name)")
      }
    }

    @Test(arguments: [80, 90])
    func `GEMMs of ours keep their sums in registers, and fill a card`(architecture: Int) throws {
      let kernels = try kernels("gemm_mma.cu", architecture)
        .merging(try kernels("norm_gemm.cu", architecture)) { $1 }
      let limits = Occupancy.Limits.of(major: architecture / 10, minor: architecture % 10)
      // Products of a step: 2 of 16 terms, or 4, of the warp's 16 by 8 tiles.
      for (name, block, shared, products, warps) in [
        ("gemm_mma_large_f16", 256, 49_152, 32, 16), ("gemm_mma_small_f16", 128, 32_768, 16, 16),
        ("norm_gemm_mma_r32_f16", 128, 49_152 + 32 * 392 * 2, 16, 8),
        ("norm_gemm_mma_r64_f16", 128, 49_152 + 64 * 392 * 2, 32, 4),
      ] {
        let kernel = try #require(kernels[name])
        #expect(kernel.spilled == 0 && kernel.count("LDL") == 0, "\(name)")
        #expect(kernel.count("HMMA.16816.F32") >= products, "\(name)")
        #expect(kernel.count("LDSM") > 0 && kernel.count("LDGSTS", "128") > 0, "\(name)")
        #expect(kernel.count("STG", "128") > 0, "\(name)")
        // Beginning early is Hopper's.
        #expect((kernel.count("ACQBULK") > 0) == (architecture >= 90), "\(name)")
        let blocks = Occupancy.blocks(
          limits, block: block, registers: kernel.registers, shared: shared)
        #expect(blocks * block / 32 >= warps, "\(name)")
      }
    }

    @Test(arguments: [DType.float16, .bfloat16])
    func `products of warpgroups keep their sums in registers, and fill a card`(
      storage: DType
    ) throws {
      let kernels = try kernels("gemm_wgmma.cu", 90, storage)
      let suffix = storage == .float16 ? "f16" : "bf16"
      for (columns, shared, blocks) in [(128, 99_328, 2), (256, 197_632, 1)] {
        let kernel = try #require(kernels["gemm_wgmma_n\(columns)_\(suffix)"])
        #expect(kernel.spilled == 0 && kernel.count("LDL") == 0, "\(columns)")
        // Four products of 16 terms a step, and one wait for all of a step; nothing else is
        // multiplied.
        #expect(kernel.count("HGMMA.64x\(columns)x16.F32") >= 4 && kernel.count("HMMA") == 0)
        #expect(kernel.count("HGMMA") % 4 == 0)
        #expect(kernel.count("WARPGROUP.ARRIVE") > 0 && kernel.count("WARPGROUP.DEPBAR") > 0)
        #expect(kernel.count("WARPGROUP.DEPBAR") <= kernel.count("HGMMA") / 4 + 1)
        #expect(kernel.count("FENCE.VIEW.ASYNC") > 0)
        #expect(kernel.count("LDGSTS", "128") > 0 && kernel.count("STG", "128") > 0)
        #expect(kernel.count("ACQBULK") > 0)
        let limits = Occupancy.Limits.of(major: 9, minor: 0)
        let resident = Occupancy.blocks(
          limits, block: 256, registers: kernel.registers, shared: shared)
        #expect(resident == blocks, "\(columns)")
      }
    }

    @Test(arguments: [80, 90])
    func `attention over views keeps its rows in registers`(architecture: Int) throws {
      let kernels = try kernels("view_attention_mma.cu", architecture)
        .merging(try kernels("linear_attention_mma.cu", architecture)) { $1 }
      #expect(kernels.count == 7)
      for (name, kernel) in kernels {
        #expect(kernel.spilled == 0, "\(name)")
        #expect(kernel.count("HMMA") > 0, "\(name)")
        guard !name.contains("outputs") else { continue }
        #expect(kernel.count("LDSM", "MT88") > 0 && kernel.count("LDGSTS", "128") > 0, "\(name)")
      }
    }

    @Test(arguments: ["rows.cu", "statistics.cu", "reduce.cu", "assemble.cu"])
    func `kernels of memory read and write 16 bytes at a time, and spill nothing`(
      file: String
    ) throws {
      let kernels = try kernels(file, 80)
      #expect(!kernels.isEmpty)
      for (name, kernel) in kernels {
        #expect(kernel.spilled == 0, "\(name)")
        for wide in ["layer_norm_f16", "gelu_f16", "swiglu_f16"] where name == wide {
          #expect(kernel.count("LDG", "128") > 0 && kernel.count("STG", "128") > 0, "\(name)")
        }
        if name.contains("_mma") {
          #expect(kernel.count("HMMA") > 0 && kernel.count("LDSM") > 0, "\(name)")
        }
      }
    }
  }
}
