import CKernels
import Foundation
import Support

extension Processor {
  /// The number of cores that this process may use, which a container or `taskset` may limit.
  package static let availableCores: Int = {
    let cores = Int(lab_available_cores())
    return cores > 0 ? cores : ProcessInfo.processInfo.activeProcessorCount
  }()
}
