import Foundation

/// CPU time of this process.
package enum ProcessorTime {
  /// The CPU time of all threads since the process started, in seconds.
  package static var seconds: Double {
    var time = timespec()
    guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return 0 }
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
