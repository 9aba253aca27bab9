import Foundation
import Testing

/// Our declarations of CUDA against NVIDIA's own headers, where they are installed.
@Suite struct HeaderTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
  private static let declarations = folder.deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Sources/CCUDA/include")
  private static let needed = ["cuda.h", "nvrtc.h", "cublasLt.h", "crt/host_defines.h"]

  /// Folders that together hold all headers: `LAB_CUDA_HEADERS` (`:` between them), a toolkit's, or
  /// a virtual environment's wheels.
  static let folders: [String]? = {
    let environment = ProcessInfo.processInfo.environment
    var candidates: [[String]] = []
    if let named = environment["LAB_CUDA_HEADERS"] {
      candidates.append(named.split(separator: ":").map(String.init))
    }
    for root in [environment["CUDA_HOME"], "/usr/local/cuda"].compactMap({ $0 }) {
      candidates.append(["\(root)/include"])
    }
    let python = environment["LAB_PYTHON"].map {
      URL(filePath: $0).deletingLastPathComponent().deletingLastPathComponent().path
    }
    for root in [environment["VIRTUAL_ENV"], python].compactMap({ $0 }) {
      let versions = (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/lib")) ?? []
      for version in versions where version.hasPrefix("python3") {
        candidates.append(["\(root)/lib/\(version)/site-packages/nvidia/cu13/include"])
      }
    }
    return candidates.first { folders in
      needed.allSatisfy { name in
        folders.contains { FileManager.default.fileExists(atPath: "\($0)/\(name)") }
      }
    }
  }()

  @Test(
    .enabled(
      if: folders != nil,
      "NVIDIA's headers (cuda.h, nvrtc.h, cublasLt.h, crt) are in none of LAB_CUDA_HEADERS, CUDA_HOME, VIRTUAL_ENV"
    ))
  func `every number, layout and function is NVIDIA's`() throws {
    try check("check_headers.cpp", folders: try #require(Self.folders))
  }

  /// Compiles a comparison, which says by itself what differs.
  private func check(_ file: String, folders: [String]) throws {
    let compiler = Process()
    compiler.executableURL = URL(filePath: "/usr/bin/env")
    compiler.arguments =
      ["clang++", "-std=c++17", "-fsyntax-only", "-w", "-I", Self.declarations.path]
      + folders.flatMap { ["-isystem", $0] }
      + [Self.folder.appending(path: file).path]
    let pipe = Pipe()
    compiler.standardError = pipe
    try compiler.run()
    let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    compiler.waitUntilExit()
    #expect(compiler.terminationStatus == 0, "\(said)")
  }

  @Test func `every number of ours is compared`() throws {
    let ours = try String(
      contentsOf: Self.declarations.appending(path: "CCUDA.h"), encoding: .utf8)
    let check = try String(
      contentsOf: Self.folder.appending(path: "check_headers.cpp"), encoding: .utf8)
    let numbers = ours.matches(of: #/\b(LAB_[A-Z0-9_]+) = /#).map { String($0.1) }
    #expect(numbers.count > 60)
    // NVML's header comes in a wheel of its own.
    let management = try String(
      contentsOf: Self.folder.appending(path: "check_nvml.cpp"), encoding: .utf8)
    for number in numbers {
      let file = number.hasPrefix("LAB_NVML_") ? management : check
      #expect(file.contains("EQUAL(\(number),"), "\(number)")
    }
  }

  /// The folder of nvml.h: a wheel next to the project (`Scripts/nvrtc.sh`), or a toolkit's.
  private static let management: String? = {
    let root = declarations.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let wheel = root.appending(path: ".build/nvrtc/nvml/nvidia/cu13/include").path
    return ([wheel] + (folders ?? [])).first {
      FileManager.default.fileExists(atPath: "\($0)/nvml.h")
    }
  }()

  @Test(
    .enabled(
      if: management != nil, "nvml.h is not installed: Scripts/nvrtc.sh installs it"))
  func `every number and function of NVML is NVIDIA's`() throws {
    try check("check_nvml.cpp", folders: [try #require(Self.management)])
  }
}
