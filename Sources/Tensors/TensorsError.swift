/// What can go wrong with files of tensors.
package enum TensorsError: Error, Hashable, CustomStringConvertible {
  case unreadableFile(path: String, reason: String)
  case unwritableFile(path: String, reason: String)
  case malformedSafetensors(path: String, reason: String)
  case missingTensor(path: String, name: String)
  case outOfMemory(bytes: Int, device: String)
  /// Of a device that says how much it has.
  case doesNotFit(needed: Int, free: Int, total: Int, device: String)
  case precisionUnavailable(precision: String, device: String)
  /// A choice of matrix library on a device that has only one.
  case engineUnavailable(engine: String, device: String)
  /// Operations of a model that a device has no implementation of.
  case operationsUnavailable(operations: [String], device: String)
  /// What a device said when it failed, a whole sentence.
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
    case .precisionUnavailable(let precision, let device):
      "\(device): does not compute in \(precision); " + Self.precisionsByKind
    case .engineUnavailable(let engine, let device):
      "\(device): has no engine \"\(engine)\"; "
        + Self.engines(of: device)
    case .operationsUnavailable(let operations, let device):
      "\(device): has no \(operations.joined(separator: ", ")) yet; this model runs on a \(DeviceKind.standard.name) "
        + "device"
    case .deviceFailed(let sentence): sentence
    }
  }

  /// `a cpu device computes in float32, …, a cuda device in …`.
  private static var precisionsByKind: String {
    DeviceKind.all.enumerated().map { index, kind in
      "a \(kind.name) device \(index == 0 ? "computes " : "")in "
        + DeviceKind.listed(kind.precisions.map(\.rawValue), "and")
    }.joined(separator: ", ")
  }

  private static func engines(of device: String) -> String {
    if let kind = DeviceKind.of(device), !kind.engines.isEmpty {
      return "a \(kind.name) device has "
        + DeviceKind.listed(kind.engines.map { "\"\($0)\"" }, "and")
    }
    let others = DeviceKind.all.filter { !$0.engines.isEmpty }.map { "a \($0.name) device's" }
    return "engines are " + DeviceKind.listed(others, "and")
  }

  /// Bytes for a person.
  package static func text(_ bytes: Int) -> String {
    let (value, unit) =
      bytes >= 1 << 30
      ? (Double(bytes) / 0x1p30, "GiB") : (Double(bytes) / 0x1p20, "MiB")
    return "\((value * 10).rounded() / 10) \(unit)"
  }
}
