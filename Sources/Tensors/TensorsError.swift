import Support

/// Errors of tensor files and devices.
package enum TensorsError: Error, Hashable, CustomStringConvertible {
  case unreadableFile(path: String, reason: String)
  case unwritableFile(path: String, reason: String)
  case malformedSafetensors(path: String, reason: String)
  case missingTensor(path: String, name: String)
  case outOfMemory(bytes: Int, device: String)
  /// Of a device that says how much it has.
  case doesNotFit(needed: Int, free: Int, total: Int, device: String)
  case precisionUnavailable(Precision, device: String, has: [Precision])
  /// An unknown GEMM engine; `has` is empty if the device has no choice.
  case engineUnavailable(engine: String, device: String, has: [String])
  /// Operations of a model that a device does not implement.
  case operationsUnavailable(operations: [String], device: String)
  /// The message of a device that failed, a whole sentence.
  case deviceFailed(String)

  package var description: String {
    switch self {
    case .unreadableFile(let path, let reason): "\(path): cannot be read: \(reason)"
    case .unwritableFile(let path, let reason): "\(path): cannot be written: \(reason)"
    case .malformedSafetensors(let path, let reason):
      "\(path): is not a usable safetensors file: \(reason)"
    case .missingTensor(let path, let name): "\(path): has no tensor \(name)"
    case .outOfMemory(let bytes, let device):
      "\(device): \(bytes) bytes cannot be had; a smaller batch size needs less"
    case .doesNotFit(let needed, let free, let total, let device):
      "\(device): \(Self.text(needed)) are needed and \(Self.text(free)) of \(Self.text(total)) are "
        + "free; a smaller batch size, a lower precision or a smaller model needs less"
    case .precisionUnavailable(let precision, let device, let has):
      "\(device): does not compute in \(precision.rawValue); it computes in "
        + series(has.map(\.rawValue), "and")
    case .engineUnavailable(let engine, let device, let has):
      "\(device): has no engine \"\(engine)\"; "
        + (has.isEmpty
          ? "it has no choice of engines, so leave \"engine\" out"
          : "it has " + series(has.map { "\"\($0)\"" }, "and"))
    case .operationsUnavailable(let operations, let device):
      "\(device): has no \(series(operations, "and")), which this model needs; run it on another "
        + "device"
    case .deviceFailed(let sentence): sentence
    }
  }

  /// A number of bytes as text.
  package static func text(_ bytes: Int) -> String {
    let (value, unit) =
      bytes >= 1 << 30
      ? (Double(bytes) / 0x1p30, "GiB") : (Double(bytes) / 0x1p20, "MiB")
    return "\((value * 10).rounded() / 10) \(unit)"
  }
}
