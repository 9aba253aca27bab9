import CSIMTHarness
import Foundation
import Testing

/// Every kernel file compiles for every architecture that an installed run-time compiler knows.
@Suite(.enabled(if: !NVRTC.installed.isEmpty, NVRTC.reasonForAbsence))
struct CompileTests {
  /// Each architecture that can run the kernels with the newest compiler that knows it.
  private static let targets: [Int: NVRTC] = NVRTC.installed.reduce(into: [:]) {
    targets, compiler in
    for architecture in compiler.architectures where architecture >= 50 {
      targets[architecture] = compiler
    }
  }
  static let architectures = targets.keys.sorted()

  /// Machine code of all kernels for all architectures takes minutes; without it the newest of each
  /// generation is made.
  private static let isThorough = ProcessInfo.processInfo.environment["LAB_NVRTC_ALL"] != nil
  static let realArchitectures =
    isThorough ? architectures : [62, 90].filter { targets[$0] != nil }

  private func sources(_ suffix: String) throws -> [(name: String, text: String)] {
    try FileManager.default.contentsOfDirectory(atPath: kernelsFolder.path).sorted()
      .filter { $0.hasSuffix(suffix) }
      .map { ($0, try String(contentsOf: kernelsFolder.appending(path: $0), encoding: .utf8)) }
  }

  /// Names of all kernels that the files hold, as PTX.
  private func compile(
    _ architecture: String, _ options: [String], only: String = ".cu", by compiler: NVRTC? = nil
  ) throws -> Set<String> {
    let known = Int(architecture.filter(\.isNumber)).flatMap { Self.targets[$0] }
    let compiler = try #require(compiler ?? known)
    let headers = try sources(".cuh")
    var kernels: Set<String> = []
    for (name, text) in try sources(only) {
      let options = ["--std=c++17", "--gpu-architecture=\(architecture)"] + options
      let done = CompiledBefore(
        [compiler.title, name, text] + headers.map(\.text) + options)
      if let known = done.kernels {
        kernels.formUnion(known)
        continue
      }
      let ptx = try compiler.compile(text, name: name, headers: headers, options: options)
      let found = ptx.matches(of: #/\.entry ([a-z0-9_]+)/#).map { String($0.1) }
      done.keep(found)
      kernels.formUnion(found)
    }
    return kernels
  }

  /// Kernels that an architecture has, of one precision or of all.
  private static func kernels(_ architecture: Int, _ precision: Precision? = nil) -> Set<String> {
    let others = Precision.allCases.filter { $0 != precision }.map { "_\($0)" }
    return Set(
      (0..<simt_kernel_count()).map { String(cString: simt_kernel_name($0)) }.filter { name in
        !name.hasPrefix("fault_") && exists(name, architecture)
          && (precision == nil || name == "fill_f32"
            || (name.hasPrefix("convert_")
              ? precision != .f32 && name.contains("_\(precision.map { "\($0)" } ?? "")")
              : !others.contains { name.hasSuffix($0) }))
      })
  }

  @Test(arguments: architectures)
  func `every file compiles without a word, and holds the kernels of the architecture`(
    architecture: Int
  ) throws {
    let found = try compile("compute_\(architecture)", ["--device-debug"])
    #expect(found == Self.kernels(architecture))
  }

  /// As the program compiles them: the precisions take turns, since each takes seconds.
  @Test(arguments: architectures)
  func `every file compiles with optimization for every architecture`(architecture: Int) throws {
    let precisions = Self.isThorough ? Precision.allCases : [Self.turn(architecture)]
    for precision in precisions {
      let option = "-DLAB_ONLY_\(precision.rawValue.uppercased())"
      let found = try compile("compute_\(architecture)", [option])
      #expect(found == Self.kernels(architecture, precision), "\(precision)")
    }
  }

  private static func turn(_ architecture: Int) -> Precision {
    Precision.allCases[(architectures.firstIndex(of: architecture) ?? 0) % 3]
  }

  /// Of each compiler the oldest and the newest architecture, next to those of the test before.
  static let compilers = NVRTC.installed.flatMap { compiler in
    let known = compiler.architectures.filter { $0 >= 50 }
    return [known.min(), known.max()].compactMap { $0 }.map { (compiler.title, $0) }
  }

  @Test(arguments: compilers)
  func `every compiler takes every file`(title: String, architecture: Int) throws {
    let compiler = try #require(NVRTC.installed.first { $0.title == title })
    let option = "-DLAB_ONLY_\(Precision.f16.rawValue.uppercased())"
    let found = try compile(
      "compute_\(architecture)", [option, "--device-debug"], by: compiler)
    #expect(found == Self.kernels(architecture, .f16))
  }

  @Test(arguments: realArchitectures)
  func `the assembler takes what the compiler makes`(architecture: Int) throws {
    let options = Self.isThorough ? [] : ["--device-debug", "-DLAB_ONLY_F16"]
    _ = try compile("sm_\(architecture)", options)
    if !Self.isThorough {
      _ = try compile("sm_\(architecture)", options.dropLast() + ["-DLAB_ONLY_BF16"])
    }
  }

  /// Compilers that make code for compute capability 9.0 alone: those from CUDA 12 on.
  static let compilersOfWarpgroups = NVRTC.installed.filter {
    $0.version.major >= 12 && $0.architectures.contains(90)
  }.map(\.title)

  /// Without a word: the assembler would say where it has to wait for each product by itself.
  @Test(arguments: compilersOfWarpgroups)
  func `products of warpgroups compile for sm_90a, and for no other architecture`(
    title: String
  ) throws {
    let compiler = try #require(NVRTC.installed.first { $0.title == title })
    let found = try compile(
      "compute_90a", ["--device-debug"], only: "gemm_wgmma.cu", by: compiler)
    #expect(found == Self.warpgroupKernels)
    _ = try compile("sm_90a", ["-DLAB_ONLY_F16"], only: "gemm_wgmma.cu", by: compiler)
    _ = try compile("sm_90a", ["-DLAB_ONLY_BF16"], only: "gemm_wgmma.cu", by: compiler)
  }

  @Test(.enabled(if: targets[90] != nil, "no compiler for sm_90"), arguments: Precision.allCases)
  func `one precision's kernels can be compiled alone`(precision: Precision) throws {
    let option = "-DLAB_ONLY_\(precision.rawValue.uppercased())"
    let others = Precision.allCases.filter { $0 != precision }.map { "_\($0)" }
    for kernel in try compile("compute_90", ["--device-debug", option])
    where kernel != "fill_f32" && !kernel.hasPrefix("convert_") {
      #expect(!others.contains { kernel.hasSuffix($0) })
    }
  }

  private static let warpgroupKernels = Set(
    (0..<simt_kernel_count()).map { String(cString: simt_kernel_name($0)) }.filter {
      $0.contains("_wgmma_") && !$0.hasPrefix("fault_")
    })

  /// Half precision is on tensor cores from sm_80 on, float16 from sm_75, and before that on plain
  /// multiply-adds.
  private static func exists(_ kernel: String, _ architecture: Int) -> Bool {
    // Only `sm_90a` has them, or tf32 came with sm_80.
    if kernel.contains("_wgmma_") { return false }
    if kernel.hasPrefix("linear_"), kernel.contains("_mma_") { return architecture >= 80 }
    if kernel.contains("_mma_") { return architecture >= (kernel.hasSuffix("_f16") ? 75 : 80) }
    if kernel.contains("_fma_") { return architecture < 75 || kernel.hasSuffix("_f32") }
    return true
  }
}

/// Kernels of a file that this very compiler took before, with the same headers and options: its
/// word does not change.
///
/// Kept next to the compiler, so that only what has changed is compiled again; a clean clone
/// compiles everything.
private struct CompiledBefore {
  private let file: URL

  init(_ parts: [String]) {
    // FNV-1a: against accidents, not against malice.
    let hash = parts.joined(separator: "\u{0}").utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    file = kernelsFolder.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: ".build/nvrtc/compiled/\(hash).txt")
  }

  var kernels: [String]? {
    guard let text = try? String(contentsOf: file, encoding: .utf8), text.hasSuffix("\n") else {
      return nil
    }
    return text.split(separator: "\n").map(String.init)
  }

  func keep(_ kernels: [String]) {
    try? FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? Data((kernels.joined(separator: "\n") + "\n").utf8).write(to: file, options: .atomic)
  }
}
