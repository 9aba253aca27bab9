/// Errors while a report is written.
package enum ReportingError: Error, Hashable, CustomStringConvertible {
  case cannotCreateFolder(path: String, reason: String)
  case cannotWrite(path: String, reason: String)

  package var description: String {
    switch self {
    case .cannotCreateFolder(let path, let reason):
      "\(path): the folder cannot be created: \(reason); choose a writable one"
    case .cannotWrite(let path, let reason):
      "\(path): cannot be written: \(reason); files of an earlier report that come after it are as they were"
    }
  }
}
