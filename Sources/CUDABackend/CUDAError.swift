import Support
import Tensors

/// Errors of a GPU, its driver and its libraries.
package enum CUDAError: Error, Hashable, CustomStringConvertible {
  case missingLibrary(MissingLibrary)
  case missingSymbol(library: CUDALibraryKind, path: String, symbol: String)
  /// `found` is a CUDA version such as 10.2.
  case driverTooOld(found: String)
  case wrongVersion(library: CUDALibraryKind, path: String, found: String, driver: String)
  case noCard(reason: String)
  case noSuchCard(index: Int, found: [String])
  case cardTooOld(card: String, capability: String, compiler: String, oldest: String)
  case compilation(kernel: String, architecture: String, compiler: String, log: String)
  case missingKernel(name: String)
  case headWidth(Int)
  case call(operation: String, card: String, code: String, reason: String)

  /// The description, with all places where a missing library was looked for.
  package var details: String {
    if case .missingLibrary(let library) = self { library.details } else { description }
  }

  package var description: String {
    switch self {
    case .missingLibrary(let library): library.description
    case .missingSymbol(let library, let path, let symbol):
      "\(library.title) (\(path)) has no function \(symbol); lab needs one of CUDA "
        + "\(CUDALibraryKind.majors.lowerBound).0 to \(CUDALibraryKind.majors.upperBound)"
    case .driverTooOld(let found):
      "the driver runs CUDA \(found); lab needs a driver for CUDA "
        + "\(CUDALibraryKind.majors.lowerBound).0 or newer"
    case .wrongVersion(let library, let path, let found, let driver):
      "\(library.title) \(found) (\(path)) does not go with this driver, which runs CUDA \(driver); "
        + "lab needs \(library.title) of CUDA \(CUDALibraryKind.majors.lowerBound) to "
        + "\(CUDALibraryKind.majors.upperBound), and no newer major version than the driver's"
    case .noCard(let reason): "the driver is there and finds no card: \(reason)"
    case .noSuchCard(let index, let found):
      "there is no cuda:\(index); found \(noun(found.count, "is", "are")) "
        + found.enumerated().map { "cuda:\($0.offset) (\($0.element))" }.joined(separator: ", ")
    case .cardTooOld(let card, let capability, let compiler, let oldest):
      "\(card) has compute capability \(capability), and \(compiler) compiles for \(oldest) and "
        + "newer; an older CUDA toolkit (from 11 on) may still know it"
    case .compilation(let kernel, let architecture, let compiler, let log):
      "\(kernel) does not compile for \(architecture) with \(compiler): \(log)"
    case .headWidth(let width):
      "heads of width \(width) are not supported on cuda; a head's width must be a multiple of 8 and at "
        + "most 128"
    case .missingKernel(let name): "no kernel is named \(name)"
    case .call(let operation, let card, let code, let reason):
      "\(card): \(operation) failed with \(code): \(reason)"
    }
  }
}
