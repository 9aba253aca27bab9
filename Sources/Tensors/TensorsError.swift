/// What can go wrong with files of tensors.
package enum TensorsError: Error, Hashable, CustomStringConvertible {
  case unreadableFile(path: String, reason: String)
  case unwritableFile(path: String, reason: String)
  case malformedSafetensors(path: String, reason: String)
  case missingTensor(path: String, name: String)
  case outOfMemory(bytes: Int, device: String)

  package var description: String {
    switch self {
    case .unreadableFile(let path, let reason): "\(path): cannot be read: \(reason)"
    case .unwritableFile(let path, let reason): "\(path): cannot be written: \(reason)"
    case .malformedSafetensors(let path, let reason):
      "\(path): is not a usable safetensors file: \(reason)"
    case .missingTensor(let path, let name): "\(path): has no tensor \(name)"
    case .outOfMemory(let bytes, let device):
      "\(device): \(bytes) bytes cannot be had; a smaller batch size needs less"
    }
  }
}
