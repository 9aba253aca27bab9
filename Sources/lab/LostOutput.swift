import Experiments
import Files
import Foundation
import Hub
import ImageCoding
import Reporting
import Tensors

/// What was asked for, made, and could not be kept: a full disk is no fault of the input.
enum LostOutput {
  /// The errors of a device that takes no more.
  private static let reasons = Set([ENOSPC, EDQUOT, EFBIG, EIO].map { systemReason($0) })

  /// Whether `error` is that of a device that took no more of what was written.
  static func isCause(of error: any Error) -> Bool {
    switch error {
    case let error as UnwritableFile: reasons.contains(error.reason)
    case ExperimentsError.folderNotWritable(_, let reason),
      ReportingError.cannotCreateFolder(_, let reason), ReportingError.cannotWrite(_, let reason),
      TensorsError.unwritableFile(_, let reason), HubError.cacheUnusable(_, let reason):
      reasons.contains(reason)
    case HubError.diskFull, PNGWriteError.cannotEncode: true
    case is CocoaError, is POSIXError: reasons.contains(systemReason(of: error))
    default: false
    }
  }
}
