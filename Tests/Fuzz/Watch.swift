import Foundation

/// What one input may cost.
enum Watch {
  /// Seconds of processor time.
  static let maxSeconds = 1.0
  /// Bytes of the process: a picture of the largest size that is read takes 537 MB, and twice that
  /// while it is copied.
  static let maxBytes = 1_300_000_000

  /// Runs `body`, and stops the program where it took too much, or three times too long: a machine
  /// that is shared counts some of what others do.
  static func hold(_ body: () -> Void) {
    var least = Double.infinity
    for _ in 0..<3 where least > maxSeconds {
      let start = processorSeconds
      body()
      least = min(least, processorSeconds - start)
    }
    if least > maxSeconds { fatalError("an input took \(least) s") }
    if residentBytes > maxBytes { fatalError("an input took \(residentBytes) bytes of memory") }
  }

  private static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// The most that the process ever had.
  private static var residentBytes: Int {
    var usage = rusage()
    #if os(Linux)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return usage.ru_maxrss * 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      return usage.ru_maxrss
    #endif
  }
}
