import Foundation

/// The system's counters of CPU time so far; `nil` for those that it does not report.
package struct SystemCounters: Hashable, Sendable {
  /// Stolen time: the time that the hypervisor did not run our cores, in seconds, summed over all
  /// cores.
  package var stolenSeconds: Double?
  /// The busy time of all cores together with any process, in seconds.
  package var busySeconds: Double?
  /// The running time of this process's threads, in seconds.
  package var ownSeconds: Double
  /// The time that runnable threads of this process have waited for a core, in seconds.
  package var waitSeconds: Double?
  /// The number of times that a thread of this process was preempted.
  package var preemptions: Int?

  package init(
    stolenSeconds: Double? = nil, busySeconds: Double? = nil, ownSeconds: Double = 0,
    waitSeconds: Double? = nil, preemptions: Int? = nil
  ) {
    self.stolenSeconds = stolenSeconds
    self.busySeconds = busySeconds
    self.ownSeconds = ownSeconds
    self.waitSeconds = waitSeconds
    self.preemptions = preemptions
  }
}

/// A source of counters; tests use synthetic ones.
package protocol CounterSource {
  /// The current counters; `nil` if the system has none.
  func read() -> SystemCounters?
}

/// No counters: no round ever counts as disturbed.
package struct NoCounters: CounterSource {
  package init() {}
  package func read() -> SystemCounters? { nil }
}

/// The counters of Linux, from `/proc/stat` and `/proc/self`; a reading takes about 0.1 ms.
///
/// Other systems report too little to an unprivileged process, so they have no counters.
package struct ProcCounters: CounterSource {
  /// The unit of the kernel's `/proc/stat`, in seconds.
  package static let tick = 0.01

  package init() {}

  package func read() -> SystemCounters? {
    #if os(Linux)
      var usage = rusage()
      guard getrusage(Int32(RUSAGE_SELF.rawValue), &usage) == 0,
        let cpu = Self.times(inStat: ProcFile.head(of: "/proc/stat"))
      else { return nil }
      return SystemCounters(
        stolenSeconds: cpu.stolen, busySeconds: cpu.busy, ownSeconds: ProcessorTime.seconds,
        waitSeconds: Self.waitOfThreads(), preemptions: usage.ru_nivcsw)
    #else
      return nil
    #endif
  }

  /// Seconds of all cores together, of the first line of `/proc/stat`: proc(5).
  package static func times(inStat text: String) -> (busy: Double, stolen: Double)? {
    guard let line = text.split(separator: "\n").first, line.hasPrefix("cpu ") else { return nil }
    // user, nice, system, idle, iowait, irq, softirq, steal; guests are part of user and nice.
    let fields = line.split(separator: " ").dropFirst().compactMap { Double($0) }
    guard fields.count >= 8 else { return nil }
    let busy = fields[0] + fields[1] + fields[2] + fields[5] + fields[6]
    return (busy * tick, fields[7] * tick)
  }

  /// Seconds on a run queue, of a thread's `schedstat`: its second number, in nanoseconds.
  package static func wait(inSchedstat text: String) -> Double? {
    let fields = text.split(whereSeparator: \.isWhitespace)
    guard fields.count >= 2, let nanoseconds = Double(fields[1]) else { return nil }
    return nanoseconds * 1e-9
  }

  #if os(Linux)
    /// The waiting times of all threads; `nil` if the kernel does not count them.
    private static func waitOfThreads() -> Double? {
      let folder = "/proc/self/task"
      guard let threads = opendir(folder) else { return nil }
      defer { closedir(threads) }
      var sum: Double?
      while let entry = readdir(threads) {
        let id = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        // A thread may have ended since it was listed.
        guard id.first?.isNumber == true,
          let wait = wait(inSchedstat: ProcFile.head(of: "\(folder)/\(id)/schedstat"))
        else { continue }
        sum = (sum ?? 0) + wait
      }
      return sum
    }
  #endif
}

/// The beginning of a file of the kernel, read by one call without a buffer of its own.
enum ProcFile {
  /// The first 511 bytes as text; empty if there is no such file.
  static func head(of path: String) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    return withUnsafeTemporaryAllocation(byteCount: 511, alignment: 1) { buffer in
      guard let base = buffer.baseAddress else { return "" }
      let count = read(file, base, buffer.count)
      return String(
        decoding: UnsafeRawBufferPointer(rebasing: buffer[..<max(0, count)]), as: UTF8.self)
    }
  }
}
