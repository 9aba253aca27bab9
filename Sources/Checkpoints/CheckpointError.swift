import Files

/// Why a file of weights could not be read.
package enum CheckpointError: Error, Hashable, CustomStringConvertible {
  case file(FileError)
  /// It is of no kind that is read; `kind` says what it is, as far as that can be told.
  case unknownFormat(path: PathBytes, kind: String)
  /// It begins as a file of that format and breaks its rules.
  case malformed(path: PathBytes, format: String, reason: String)
  /// A pickle names something that weights have no use for. Nothing was executed.
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
