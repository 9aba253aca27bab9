import Foundation
import Testing

/// The run-time compiler, opened where it is installed; the kernels' tests need nothing else of
/// CUDA.
struct NVRTC: @unchecked Sendable {
  private typealias Program = OpaquePointer?
  private typealias Text = UnsafePointer<CChar>?

  private let library: UnsafeMutableRawPointer
  let version: (major: Int, minor: Int)
  /// Where it is, with its version.
  let title: String
  /// Compute capabilities that it compiles for, as 90 for sm_90.
  let architectures: [Int]

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// Every version found, or none: `LAB_NVRTC` (libraries, `:` between them), Python's wheels next
  /// to the project, `CUDA_HOME`.
  static let installed: [NVRTC] = {
    var seen: Set<String> = []
    return candidates().filter { seen.insert($0).inserted }.compactMap(NVRTC.init(path:))
  }()

  static let reasonForAbsence: Comment =
    "libnvrtc is not installed: Scripts/nvrtc.sh installs it, or name the library in LAB_NVRTC"

  private static func candidates() -> [String] {
    let environment = ProcessInfo.processInfo.environment
    if let named = environment["LAB_NVRTC"] { return named.split(separator: ":").map(String.init) }
    let root = kernelsFolder.deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    var folders = ["11", "12", "13"].flatMap { major in
      ["cuda_nvrtc/lib", "cu\(major)/lib"].map {
        root.appending(path: ".build/nvrtc/\(major)/nvidia/\($0)").path
      }
    }
    folders += [environment["CUDA_HOME"].map { "\($0)/lib64" }, "/usr/local/cuda/lib64"]
      .compactMap { $0 }
    return folders.flatMap { folder in
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      return names.filter { $0.hasPrefix("libnvrtc.so.") }.sorted().prefix(1).map {
        "\(folder)/\($0)"
      }
    }
  }

  private init?(path: String) {
    guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else { return nil }
    self.library = library
    typealias Version =
      @convention(c) (UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) -> Int32
    typealias Numbers = @convention(c) (UnsafeMutablePointer<Int32>) -> Int32
    guard
      let version = Self.function("nvrtcVersion", in: library, as: Version.self),
      let count = Self.function("nvrtcGetNumSupportedArchs", in: library, as: Numbers.self),
      let list = Self.function("nvrtcGetSupportedArchs", in: library, as: Numbers.self)
    else { return nil }
    var (major, minor, number) = (Int32(0), Int32(0), Int32(0))
    guard version(&major, &minor) == 0, count(&number) == 0 else { return nil }
    var found = [Int32](repeating: 0, count: Int(number))
    guard list(&found) == 0 else { return nil }
    self.version = (Int(major), Int(minor))
    let bytes = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    title = "\(path) \(major).\(minor) \(bytes)"
    architectures = found.map(Int.init)
  }

  private static func function<F>(
    _ name: String, in library: UnsafeMutableRawPointer, as type: F.Type
  ) -> F? {
    dlsym(library, name).map { unsafeBitCast($0, to: type) }
  }

  private func function<F>(_ name: String, as type: F.Type) throws -> F {
    guard let function = Self.function(name, in: library, as: type) else {
      throw Failure(description: "libnvrtc has no \(name)")
    }
    return function
  }

  /// PTX of a kernel file for a virtual architecture (`compute_90`), or nothing for a real one
  /// (`sm_90`).
  ///
  /// Errors: `Failure` with the compiler's log, also where it only warns of anything but an old
  /// architecture.
  func compile(
    _ source: String, name: String, headers: [(name: String, text: String)], options: [String]
  ) throws -> String {
    typealias Create =
      @convention(c) (
        UnsafeMutablePointer<Program>, Text, Text, Int32, UnsafePointer<Text>?,
        UnsafePointer<Text>?
      ) -> Int32
    typealias Compile = @convention(c) (Program, Int32, UnsafePointer<Text>?) -> Int32
    typealias Destroy = @convention(c) (UnsafeMutablePointer<Program>) -> Int32

    let texts = headers.map { strdup($0.text) }
    let names = headers.map { strdup($0.name) }
    let arguments = options.map { strdup($0) }
    defer { (texts + names + arguments).forEach { free($0) } }
    func pointers(_ list: [UnsafeMutablePointer<CChar>?]) -> [Text] {
      list.map { $0.map { UnsafePointer($0) } }
    }

    var program: Program = nil
    guard
      try function("nvrtcCreateProgram", as: Create.self)(
        &program, source, name, Int32(headers.count), pointers(texts), pointers(names)) == 0
    else { throw Failure(description: "nvrtcCreateProgram failed for \(name)") }
    defer {
      if let destroy = Self.function("nvrtcDestroyProgram", in: library, as: Destroy.self) {
        _ = destroy(&program)
      }
    }
    let status = try function("nvrtcCompileProgram", as: Compile.self)(
      program, Int32(options.count), pointers(arguments))
    let log = try text("ProgramLog", of: program).split(separator: "\n")
      .filter { !$0.contains("are deprecated and may be removed") }.joined(separator: "\n")
    guard status == 0, log.isEmpty else {
      throw Failure(description: "\(name) \(options.joined(separator: " ")): \(log)")
    }
    let isVirtual = options.contains { $0.contains("compute_") }
    return isVirtual ? try text("PTX", of: program) : ""
  }

  private func text(_ what: String, of program: Program) throws -> String {
    typealias Size = @convention(c) (Program, UnsafeMutablePointer<Int>) -> Int32
    typealias Get = @convention(c) (Program, UnsafeMutablePointer<CChar>) -> Int32
    var size = 0
    guard try function("nvrtcGet\(what)Size", as: Size.self)(program, &size) == 0 else {
      throw Failure(description: "nvrtcGet\(what)Size failed")
    }
    var bytes = [CChar](repeating: 0, count: size + 1)
    guard try function("nvrtcGet\(what)", as: Get.self)(program, &bytes) == 0 else {
      throw Failure(description: "nvrtcGet\(what) failed")
    }
    return bytes.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
  }
}
