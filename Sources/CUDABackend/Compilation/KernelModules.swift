import CCUDA
import Files
import Foundation
import Tensors

/// Our kernels on a card, for one type of weights and activations.
final class KernelModules {
  private let card: CUDACard
  private var modules: [Handle] = []
  private var functions: [String: Function] = [:]
  /// `NVRTC 13.2 for sm_90`.
  let description: String
  /// The names of the files that are compiled for this card.
  let files: Set<String>
  /// Changes with the sources and with the compiler.
  var digest: String { Digest.hex(description + KernelFiles.digest) }

  private struct Function {
    let handle: Handle
    /// Dynamic shared memory that it may have already.
    var sharedBytes: Int
  }

  /// Loads the kernels, from the cache where they are there.
  ///
  /// Errors: `CUDAError`.
  init(_ card: CUDACard, storage: DType, cache: CacheFolder) throws(CUDAError) {
    self.card = card
    let compiler = try KernelCompiler(card.libraries)
    let target = try compiler.target(card.facts)
    description = "\(compiler.title) for \(target.name)"
    card.makeCurrent()
    let files = KernelFiles.sources.filter { compiler.compiles($0, for: target) }
    self.files = Set(files.map(\.name))
    let names = files.map {
      "\(Digest.hex(compiler.identity($0, target, storage: storage)))-\(target.name).bin"
    }
    var cached = names.map { KernelCacheEntry.open(cache.read($0)) }
    let missing = files.indices.filter { cached[$0] == nil }
    for (index, image) in zip(
      missing,
      try Self.compile(missing.map { files[$0] }, compiler, target, storage: storage))
    {
      cached[index] = image
      cache.write(KernelCacheEntry.seal(image), names[index])
    }
    for (index, image) in cached.enumerated() {
      guard let image, image.hasKernels else { continue }
      do throws(CUDAError) {
        try load(image, files[index])
      } catch {
        // A driver that was changed may refuse what it took before.
        cache.remove(names[index])
        guard !missing.contains(index) else { throw error }
        let again = try compiler.compile(files[index], target, storage: storage)
        try load(again, files[index])
        cache.write(KernelCacheEntry.seal(again), names[index])
      }
    }
  }

  deinit {
    card.makeCurrent()
    for module in modules { _ = card.driver.cuModuleUnload(module) }
  }

  /// Compiles several files side by side: seconds each, once for a card.
  private static func compile(
    _ files: [KernelFiles.File], _ compiler: KernelCompiler, _ target: KernelCompiler.Target,
    storage: DType
  ) throws(CUDAError) -> [CompiledKernels] {
    let results = Outcomes(count: files.count)
    DispatchQueue.concurrentPerform(iterations: files.count) { index in
      do throws(CUDAError) {
        results[index] = .success(try compiler.compile(files[index], target, storage: storage))
      } catch {
        results[index] = .failure(error)
      }
    }
    return try results.all()
  }

  private func load(_ kernels: CompiledKernels, _ file: KernelFiles.File) throws(CUDAError) {
    var module: Handle = nil
    var log = [CChar](repeating: 0, count: 4096)
    var options = [LAB_CUDA_JIT_ERROR_LOG.code, LAB_CUDA_JIT_ERROR_LOG_BYTES.code]
    // PTX is text and ends with a zero already.
    let image = [UInt8](kernels.image) + [0]
    let code = log.withUnsafeMutableBytes { buffer in
      var values = [buffer.baseAddress, UnsafeMutableRawPointer(bitPattern: buffer.count)]
      return card.driver.cuModuleLoadDataEx(&module, image, 2, &options, &values)
    }
    guard code == 0 else {
      let said = String(
        decoding: log.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self
      )
      .split(separator: "\n").joined(separator: " / ")
      try card.check(code, "loading \(file.name)" + (said.isEmpty ? "" : " (\(said))"))
      return
    }
    modules.append(module)
  }

  /// A kernel that may use so much dynamic shared memory.
  ///
  /// Errors: `CUDAError.missingKernel`, `.call`.
  func function(_ name: String, sharedBytes: Int) throws(CUDAError) -> Handle {
    var function: Function
    if let known = functions[name] { function = known } else { function = try find(name) }
    if sharedBytes > function.sharedBytes {
      try card.check(
        card.driver.cuFuncSetAttribute(
          function.handle, LAB_CUDA_FUNCTION_MAX_DYNAMIC_SHARED.code, Int32(sharedBytes)),
        "giving \(name) \(sharedBytes) bytes of shared memory")
      function.sharedBytes = sharedBytes
    }
    functions[name] = function
    return function.handle
  }

  private func find(_ name: String) throws(CUDAError) -> Function {
    for module in modules {
      var handle: Handle = nil
      // What every kernel has without asking.
      if card.driver.cuModuleGetFunction(&handle, module, name) == 0 {
        return Function(handle: handle, sharedBytes: 48 << 10)
      }
    }
    throw .missingKernel(name: name)
  }
}

/// Results of work done side by side.
private final class Outcomes: @unchecked Sendable {
  private let lock = NSLock()
  private var results: [Result<CompiledKernels, CUDAError>?]

  init(count: Int) { results = Array(repeating: nil, count: count) }

  subscript(index: Int) -> Result<CompiledKernels, CUDAError>? {
    get { lock.withLock { results[index] } }
    set { lock.withLock { results[index] = newValue } }
  }

  func all() throws(CUDAError) -> [CompiledKernels] {
    var all: [CompiledKernels] = []
    for result in results {
      switch result {
      case .success(let kernels)?: all.append(kernels)
      case .failure(let error)?: throw error
      case nil: preconditionFailure("every file has an outcome")
      }
    }
    return all
  }
}
