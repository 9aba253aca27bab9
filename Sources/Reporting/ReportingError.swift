/// What can go wrong while a report is written.
package enum ReportingError: Error, Hashable, CustomStringConvertible {
  case cannotCreateFolder(path: String, reason: String)
  case cannotWrite(path: String, reason: String)

  package var description: String {
    switch self {
    case .cannotCreateFolder(let path, let reason):
      "The folder \(path) cannot be made: \(reason). Name a folder that may be written."
    case .cannotWrite(let path, let reason):
      "The file \(path) cannot be written: \(reason). Nothing of an earlier report was changed."
    }
  }
}
