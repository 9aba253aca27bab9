import ArgumentParser
import Experiments
import Files
import Foundation
import Support

/// The outcome of the program: its message and exit code.
enum Outcome {
  static let badInput: Int32 = 2
  static let trialFailed: Int32 = 1

  /// Prints the error, and returns the exit code.
  static func report(_ error: any Error) -> Int32 {
    switch error {
    case let code as ExitCode: return code.rawValue
    case ExperimentsError.interrupted: return 130
    case let error as ExperimentsError:
      Console.error(error.description)
      return LostOutput.isCause(of: error) ? trialFailed : error.exitCode
    case let error as LogitsNotFinite:
      Console.error(error.description)
      return trialFailed
    default: break
    }
    let code = Lab.exitCode(for: error)
    guard code != .success else {
      print(Lab.fullMessage(for: error))
      return 0
    }
    if code == .validationFailure {
      // One spelling with our own messages.
      let message = Lab.fullMessage(for: error)
      Console.error(message.hasPrefix("Error: ") ? "e" + message.dropFirst() : message, prefix: "")
    } else {
      Console.error(sentence(error))
    }
    return LostOutput.isCause(of: error) ? trialFailed : badInput
  }

  /// The exit code after flushing the output; a different one if that fails.
  ///
  /// Standard output is buffered, so a full disk is noticed here at the latest.
  static func flush(_ code: Int32) -> Int32 {
    guard let number = StandardOutput.flush() else { return code }
    let reason = systemReason(of: POSIXError(POSIXErrorCode(rawValue: number) ?? .EIO))
    Console.error("standard output cannot be written: \(reason); what was printed is not whole")
    return code == 0 ? trialFailed : code
  }

  /// An error as text: our own errors describe themselves, system errors get a path and a reason.
  private static func sentence(_ error: any Error) -> String {
    guard error is CocoaError || error is POSIXError else { return String(describing: error) }
    let path = (error as NSError).userInfo[NSFilePathErrorKey] as? String
    return (path.map { "\($0): " } ?? "") + systemReason(of: error)
  }
}
