import CPTXInterpreter
import Foundation
import Testing

/// A kernel file as PTX, run by the interpreter in place of the imagined device.
final class PTXProgram: @unchecked Sendable {
  /// What `launch` runs while it is set.
  @TaskLocal static var current: PTXProgram?

  private let module: OpaquePointer

  /// Compiles a file for a virtual architecture.
  ///
  /// - Parameters:
  ///   - features: `a` for the instructions of one architecture alone.
  ///   - mistake: A part of the sources, and what stands in its place.
  /// - Throws: `NVRTC.Failure` with what the compiler or the interpreter could not read.
  init(
    file: String, architecture: Int, features: String, _ precision: Precision, _ compiler: NVRTC,
    mistake: (part: String, replacement: String)?
  ) throws {
    var mistakes = 0
    func text(_ name: String) throws -> String {
      let text = try String(contentsOf: kernelsFolder.appending(path: name), encoding: .utf8)
      guard let mistake else { return text }
      mistakes += text.ranges(of: mistake.part).count
      return text.replacing(mistake.part, with: mistake.replacement)
    }
    let headers = try FileManager.default.contentsOfDirectory(atPath: kernelsFolder.path)
      .filter { $0.hasSuffix(".cuh") }.sorted().map { ($0, try text($0)) }
    let ptx = try compiler.compile(
      try text(file), name: file, headers: headers,
      options: [
        "--std=c++17", "--gpu-architecture=compute_\(architecture)\(features)",
        "-DLAB_ONLY_\(precision.rawValue.uppercased())",
      ])
    guard mistakes == 1 || mistake == nil else {
      throw NVRTC.Failure(description: "the part to replace stands at \(mistakes) places")
    }
    var error = [CChar](repeating: 0, count: 512)
    guard let module = ptx_parse(ptx, &error, error.count) else {
      throw NVRTC.Failure(description: Self.text(error))
    }
    self.module = module
  }

  deinit { ptx_free(module) }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  func run(
    _ kernel: String, grid: (Int, Int, Int), block: Int, shared: Int, _ buffers: [Buffer],
    _ arguments: inout [UnsafeMutableRawPointer?]
  ) throws {
    ptx_forbid(module)
    for buffer in buffers { ptx_allow(module, buffer.address, buffer.byteCount) }
    var error = [CChar](repeating: 0, count: 512)
    let code = ptx_launch(
      module, kernel, [UInt32(grid.0), UInt32(grid.1), UInt32(grid.2)], [UInt32(block), 1, 1],
      UInt32(shared), &arguments, &error, error.count)
    guard code == 0 else { throw LaunchFailure(code: code, description: Self.text(error)) }
  }

  /// How often a thread has carried out an instruction whose name begins so.
  func executed(_ prefix: String) -> Int { ptx_executed(module, prefix) }

  /// Runs launches on the PTX of a file.
  static func with<Result>(
    _ file: String, architecture: Int = 80, features: String = "", _ precision: Precision,
    mistake: (part: String, replacement: String)? = nil, _ body: (PTXProgram) throws -> Result
  ) throws -> Result {
    let compiler = try #require(
      NVRTC.installed.last { $0.architectures.contains(architecture) })
    let program = try PTXProgram(
      file: file, architecture: architecture, features: features, precision, compiler,
      mistake: mistake)
    return try $current.withValue(program) { try body(program) }
  }
}
