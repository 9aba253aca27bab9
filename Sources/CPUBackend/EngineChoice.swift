import CKernels
import Tensors

/// The GEMM engines for float32 on a CPU, and whether a trial selected them.
package struct EngineChoice: Hashable, Sendable {
  /// The engines of linear layers and of attention.
  let linear: GEMM
  let attention: GEMM
  /// The BLAS, or `nil` if neither engine uses it.
  let library: BLASLibrary?
  /// Whether a trial selected the engines.
  let isTried: Bool

  /// Our kernels with prepacked weights.
  package static let packed = EngineChoice(
    linear: .packed, attention: .packed, library: nil, isTried: false)

  /// The faster engine of each kind of product, by a short trial.
  package static func tried() -> EngineChoice { EngineTrial.shared.choice() }

  /// Every product through the system's BLAS.
  ///
  /// - Throws: `CPUBackendError.blasUnavailable`, `.blasIsWrong`.
  package static func blas() throws(CPUBackendError) -> EngineChoice {
    EngineChoice(
      linear: .blas, attention: .blas, library: try BLASLibrary.open(), isTried: false)
  }

  /// The names in a spec, the default first.
  static let names = [DeviceKind.automaticEngine, "packed", "blas"]

  /// The engines for a name in a spec.
  ///
  /// - Throws: `TensorsError.engineUnavailable`, and those of `blas()`.
  static func named(_ name: String, device: String) throws -> EngineChoice {
    switch name {
    case DeviceKind.automaticEngine: EngineTrial.shared.choice()
    case "packed": .packed
    case "blas": try .blas()
    default: throw TensorsError.engineUnavailable(engine: name, device: device, has: names)
    }
  }

  /// The name in records; `nil` if both use our kernels.
  var name: String? {
    switch (linear, attention) {
    case (.packed, .packed): nil
    case (.blas, .blas): "blas"
    case (.blas, _): "blas, attention packed"
    case (_, .blas): "packed, attention blas"
    default: nil
    }
  }

  /// Engine, library, version and kernels, for example `packed: lab AVX-512 14x32`.
  func description(_ precision: Precision) -> String {
    switch precision {
    case .bfloat16: return "packed: lab bfloat16 \(String(cString: lab_bfloat16_kernels()))"
    case .int8:
      return "packed: lab int8 \(String(cString: lab_int8_kernels())), attention in bfloat16 "
        + String(cString: lab_bfloat16_kernels())
    case .float32, .tf32, .float16: break
    }
    let own = "lab \(String(cString: lab_gemm_kernels()))"
    let parts = [library?.summary, linear == .blas && attention == .blas ? nil : own]
    return "\(name ?? "packed"): \(parts.compactMap { $0 }.joined(separator: ", "))"
      + (isTried ? " (by trial)" : "")
  }

  /// The GEMMs at a precision, in linear layers and in attention.
  ///
  /// - Throws: `CPUBackendError.engineIsFloat32`, `TensorsError.precisionUnavailable`.
  func gemms(_ precision: Precision) throws -> (GEMM, GEMM) {
    switch precision {
    case .float32: return (linear, attention)
    case .bfloat16, .int8:
      guard library == nil || isTried else {
        throw CPUBackendError.engineIsFloat32(precision: precision)
      }
      return (precision == .int8 ? .int8 : .bfloat16, .bfloat16)
    case .tf32, .float16:
      throw TensorsError.precisionUnavailable(
        precision, device: DeviceKind.cpu.name, has: DeviceKind.cpu.precisions)
    }
  }
}

extension CPUBackend {
  /// The engines of this CPU, as text for `lab devices`.
  package var engineLines: [String] {
    var lines = [libraryDescription]
    do throws(CPUBackendError) {
      lines.append("blas: \(try BLASLibrary.open().summary)")
    } catch {
      lines.append("blas: none (\(error.reason))")
    }
    for precision in [Precision.bfloat16, .int8] {
      lines.append("\(engines.description(precision).dropFirst("packed: lab ".count))")
    }
    return lines
  }
}
