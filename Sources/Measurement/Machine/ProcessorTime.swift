import Foundation

/// Processor time of this process.
package enum ProcessorTime {
  /// Seconds that all threads together have run since the process began.
  package static var seconds: Double {
    var time = timespec()
    guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return 0 }
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
