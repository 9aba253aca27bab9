import Files

/// Why a weight file could not be read.
package enum CheckpointError: Error, Hashable, CustomStringConvertible {
  case file(FileError)
  /// It has no supported format; `kind` says what it is, if known.
  case unknownFormat(path: PathBytes, kind: String)
  /// It begins like a file of that format, but is malformed.
  case malformed(path: PathBytes, format: String, reason: String)
  /// A pickle names something that weights do not need. Nothing was executed.
  case refusedGlobal(path: PathBytes, name: String)
  case missingTensor(path: PathBytes, name: String)

  package var description: String {
    switch self {
    case .file(let error): "\(error.path): \(error.reason)"
    case .unknownFormat(let path, let kind): "\(path): \(kind)"
    case .malformed(let path, let format, let reason):
      "\(path): is not a usable \(format) file: \(reason)"
    case .refusedGlobal(let path, let name):
      "\(path): its pickle asks for \(name), which weights do not need, and was not executed; "
        + "save the state_dict alone, with torch.save(model.state_dict(), …)"
    case .missingTensor(let path, let name): "\(path): has no tensor \(name)"
    }
  }
}
