import CKernels
import Foundation
import Support

extension Processor {
  /// Cores that this process may run on, which a container or `taskset` may limit.
  package static let availableCores: Int = {
    let cores = Int(lab_available_cores())
    return cores > 0 ? cores : ProcessInfo.processInfo.activeProcessorCount
  }()
}
