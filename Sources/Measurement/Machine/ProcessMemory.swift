import Foundation

/// The resident memory of this process.
package enum ProcessMemory {
  /// Resets the peak, if the system can (Linux); otherwise, the peak covers the whole process so
  /// far.
  package static func resetPeak() {
    #if os(Linux)
      // "5" resets the high-water mark of resident memory: proc(5), clear_refs.
      guard let file = fopen("/proc/self/clear_refs", "w") else { return }
      fputs("5", file)
      fclose(file)
    #endif
  }

  /// The peak resident memory since the last reset, in bytes; 0 if the system does not report it.
  package static func peakBytes() -> Int {
    #if os(Linux)
      let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
      for line in text.split(separator: "\n") where line.hasPrefix("VmHWM:") {
        return (Int(line.split(whereSeparator: \.isWhitespace).dropFirst().first ?? "") ?? 0) * 1024
      }
      return 0
    #else
      var usage = rusage()
      guard getrusage(RUSAGE_SELF, &usage) == 0 else { return 0 }
      return usage.ru_maxrss
    #endif
  }
}
