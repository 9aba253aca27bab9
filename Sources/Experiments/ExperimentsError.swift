/// Errors between a spec and its records.
package enum ExperimentsError: Error, CustomStringConvertible {
  /// A file that the user named cannot be read.
  case fileUnreadable(file: String, reason: String)
  /// A file is not valid JSON at some position.
  case syntax(file: String, line: Int, column: Int, message: String)
  /// All mistakes of a spec.
  case invalidSpec([SpecProblem])
  /// A results folder cannot be created or written.
  case folderNotWritable(folder: String, reason: String)
  /// A record file was made by a later version of the program.
  case recordTooNew(file: String, line: Int, schema: Int)
  /// A record could not be stored; nothing of it remains in the file.
  case recordNotStored(file: String, reason: String)
  /// Another process is working in a folder whose records were to be moved aside.
  case folderInUse(folder: String)
  /// Stopped processes hold the awaited locks, and would hold them forever.
  case heldByStopped(processes: [Int32])
  /// A spec requests something that is not possible on this machine.
  case impossible(subject: String, message: String)
  /// A device that this machine or the program does not have.
  case noDevice(name: String, reason: String)
  /// A corrupt image stopped the run.
  case badImage(message: String)
  /// The run was asked to stop.
  case interrupted

  package var description: String {
    switch self {
    case .fileUnreadable(let file, let reason): "\(file): cannot be read: \(reason)"
    case .syntax(let file, let line, let column, let message):
      "\(file):\(line):\(column): \(message)"
    case .invalidSpec(let problems): problems.map(\.description).joined(separator: "\n")
    case .folderNotWritable(let folder, let reason):
      "\(folder): cannot be written: \(reason); name another folder with --results"
    case .recordTooNew(let file, let line, let schema):
      "\(file):\(line): the record has schema \(schema), this program reads up to "
        + "\(RecordLine.schema); use the newer program, or move the file out of the folder"
    case .recordNotStored(let file, let reason):
      "\(file): a record cannot be stored: \(reason); what was stored before is whole, and the "
        + "same command goes on from there"
    case .folderInUse(let folder):
      "\(folder): another process is measuring here, so its records cannot be set aside; wait for "
        + "it to end, or name another folder with --results"
    case .heldByStopped(let processes):
      "nothing is left but what stopped processes hold (\(Self.list(processes))): let them go on "
        + "with `kill -CONT \(Self.list(processes))`, or end them with `kill -KILL "
        + "\(Self.list(processes))`; the same command then goes on from there"
    case .impossible(let subject, let message): "\(subject): \(message)"
    case .noDevice(let name, let reason): "device \"\(name)\": \(reason)"
    case .badImage(let message): message
    case .interrupted: "interrupted"
    }
  }

  private static func list(_ processes: [Int32]) -> String {
    processes.map { "\($0)" }.joined(separator: " ")
  }

  /// The exit code: 2 for bad input, 1 for a failed run, 130 if interrupted.
  package var exitCode: Int32 {
    switch self {
    case .recordNotStored, .badImage, .heldByStopped: 1
    case .interrupted: 130
    default: 2
    }
  }
}
