import CCUDA
import Foundation
import Tensors

/// Kernels as machine code, or as PTX, which the driver compiles.
struct CompiledKernels: Hashable {
  let image: Data
  let isMachineCode: Bool

  /// Whether there is a kernel in it: a file of another precision or of newer cards compiles to
  /// nothing.
  ///
  /// Machine code is an ELF file, in which each kernel is a section `.text.` and its name; PTX
  /// names each as an `.entry`.
  var hasKernels: Bool {
    image.range(of: Data((isMachineCode ? ".text." : ".entry ").utf8)) != nil
  }
}

/// Compiles our kernels for a GPU with NVRTC.
///
/// NVRTC may be called from several threads at once, for different programs.
package struct KernelCompiler: @unchecked Sendable {
  private let table: UnsafeMutablePointer<lab_nvrtc>
  /// `NVRTC 13.2`.
  package let title: String
  private let version: (major: Int, minor: Int)
  /// Architectures that it compiles for, ascending: 75, 80, 90.
  package let architectures: [Int]

  /// Errors: those of `CUDALibraries.compiler`.
  package init(_ libraries: CUDALibraries) throws(CUDAError) {
    table = try libraries.compiler()
    var (major, minor): (Int32, Int32) = (0, 0)
    _ = table.pointee.nvrtcVersion(&major, &minor)
    version = (Int(major), Int(minor))
    title = "NVRTC \(major).\(minor)"
    architectures = Self.architectures(table, major: Int(major), minor: Int(minor))
  }

  private static func architectures(
    _ table: UnsafeMutablePointer<lab_nvrtc>, major: Int, minor: Int
  ) -> [Int] {
    var count: Int32 = 0
    if let countThem = table.pointee.nvrtcGetNumSupportedArchs,
      let list = table.pointee.nvrtcGetSupportedArchs, countThem(&count) == 0, count > 0
    {
      var found = [Int32](repeating: 0, count: Int(count))
      if list(&found) == 0 { return found.map(Int.init).sorted() }
    }
    // 11.0 and 11.1 cannot be asked.
    return [52, 53, 60, 61, 62, 70, 72, 75, 80] + (minor >= 1 ? [86] : [])
  }

  /// What to compile for: the card's own architecture, or the newest older one, through PTX.
  package struct Target: Hashable, Sendable {
    package let architecture: Int
    package let isExact: Bool
    /// As NVRTC spells it.
    package var name: String { "\(isExact ? "sm" : "compute")_\(architecture)" }
  }

  /// Errors: `CUDAError.cardTooOld`.
  package func target(_ card: CardFacts) throws(CUDAError) -> Target {
    let own = 10 * card.major + card.minor
    if architectures.contains(own), table.pointee.nvrtcGetCUBIN != nil {
      return Target(architecture: own, isExact: true)
    }
    guard let nearest = architectures.last(where: { $0 <= own }) else {
      throw .cardTooOld(
        card: card.name, capability: card.capability, compiler: title,
        oldest: architectures.first.map { "\($0 / 10).\($0 % 10)" } ?? "none")
    }
    return Target(architecture: nearest, isExact: false)
  }

  /// Whether a file may hold kernels for a target.
  ///
  /// Code for one architecture alone came with CUDA 12, and a driver compiles it for no other.
  func compiles(_ file: KernelFiles.File, for target: Target) -> Bool {
    guard let only = file.onlyArchitecture else { return true }
    return target.isExact && target.architecture == only && version.major >= 12
  }

  func options(
    _ file: KernelFiles.File, _ target: Target, storage: DType
  ) -> [String] {
    let name = target.name + (file.onlyArchitecture == nil ? "" : "a")
    let only =
      switch storage {
      case .float16: "F16"
      case .bfloat16: "BF16"
      default: "F32"
      }
    return ["--gpu-architecture=\(name)", "--std=c++17", "-DLAB_ONLY_\(only)"]
  }

  /// What the result depends on.
  func identity(_ file: KernelFiles.File, _ target: Target, storage: DType) -> String {
    ([title, file.name, file.text] + KernelFiles.headers.map(\.text)
      + options(file, target, storage: storage)).joined(separator: "\u{0}")
  }

  /// Errors: `CUDAError.compilation` with what the compiler said.
  func compile(
    _ file: KernelFiles.File, _ target: Target, storage: DType
  ) throws(CUDAError) -> CompiledKernels {
    var program: Handle = nil
    let headers = CStrings(KernelFiles.headers.map(\.text))
    let names = CStrings(KernelFiles.headers.map(\.name))
    var code = table.pointee.nvrtcCreateProgram(
      &program, file.text, file.name, Int32(headers.count), headers.pointers, names.pointers)
    func fail(_ log: String) -> CUDAError {
      .compilation(kernel: file.name, architecture: target.name, compiler: title, log: log)
    }
    guard code == 0 else { throw fail(text(code)) }
    defer { _ = table.pointee.nvrtcDestroyProgram(&program) }
    let options = CStrings(options(file, target, storage: storage))
    code = table.pointee.nvrtcCompileProgram(program, Int32(options.count), options.pointers)
    guard code == 0 else {
      let log = log(program)
      throw fail(log.isEmpty ? text(code) : log)
    }
    var bytes = 0
    if target.isExact, let size = table.pointee.nvrtcGetCUBINSize,
      let read = table.pointee.nvrtcGetCUBIN
    {
      code = size(program, &bytes)
      var image = [CChar](repeating: 0, count: bytes)
      if code == 0 { code = read(program, &image) }
      guard code == 0, bytes > 0 else { throw fail(text(code)) }
      return CompiledKernels(image: data(image), isMachineCode: true)
    }
    code = table.pointee.nvrtcGetPTXSize(program, &bytes)
    var image = [CChar](repeating: 0, count: bytes)
    if code == 0 { code = table.pointee.nvrtcGetPTX(program, &image) }
    guard code == 0, bytes > 0 else { throw fail(text(code)) }
    return CompiledKernels(image: data(image), isMachineCode: false)
  }

  private func data(_ characters: [CChar]) -> Data { Data(characters.map(UInt8.init(bitPattern:))) }

  private func text(_ code: Int32) -> String {
    table.pointee.nvrtcGetErrorString(code).map { String(cString: $0) } ?? "error \(code)"
  }

  /// What the compiler said, at most its first lines.
  private func log(_ program: Handle) -> String {
    var bytes = 0
    guard table.pointee.nvrtcGetProgramLogSize(program, &bytes) == 0, bytes > 1 else { return "" }
    var log = [CChar](repeating: 0, count: bytes)
    guard table.pointee.nvrtcGetProgramLog(program, &log) == 0 else { return "" }
    let lines = String(decoding: data(log).prefix { $0 != 0 }, as: UTF8.self)
      .split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    return lines.prefix(6).joined(separator: " / ")
  }
}

/// Strings as C expects a list of them, for as long as this lives.
final class CStrings {
  let count: Int
  private let copies: [UnsafeMutablePointer<CChar>?]
  private let list: UnsafeMutablePointer<UnsafePointer<CChar>?>

  init(_ strings: [String]) {
    count = strings.count
    copies = strings.map { strdup($0) }
    list = .allocate(capacity: max(1, strings.count))
    for (index, copy) in copies.enumerated() {
      (list + index).initialize(to: copy.map { UnsafePointer($0) })
    }
  }

  deinit {
    for copy in copies { free(copy) }
    list.deallocate()
  }

  var pointers: UnsafePointer<UnsafePointer<CChar>?> { UnsafePointer(list) }
}
