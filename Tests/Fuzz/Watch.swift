import Foundation

/// The limits for one input.
enum Watch {
  /// CPU time in seconds.
  static let maxSeconds = 1.0
  /// Memory of the process in bytes: an image of the maximum size takes 537 MB, and twice that
  /// while it is copied.
  static let maxBytes = 1_300_000_000

  /// Runs `body`, and stops the program if it takes too much memory, or too much time in three
  /// attempts, because on a shared machine other programs affect the time.
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

  /// The peak memory of the process.
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
