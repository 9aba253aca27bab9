import Foundation

/// What the system has counted so far of processor time; `nil` for what it does not report.
package struct SystemCounters: Hashable, Sendable {
  /// Seconds that a hypervisor kept our cores from us, all cores together.
  package var stolenSeconds: Double?
  /// Seconds that all cores together were busy, with whatever process.
  package var busySeconds: Double?
  /// Seconds that the threads of this process have run.
  package var ownSeconds: Double
  /// Seconds that the threads of this process, ready to run, have waited for a core.
  package var waitSeconds: Double?
  /// How often a thread of this process was taken off its core.
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

/// Where the counters come from; tests make them up.
package protocol CounterSource {
  /// The counters now; `nil` where the system has none.
  func read() -> SystemCounters?
}

/// No counters: nothing is ever seen to be disturbed.
package struct NoCounters: CounterSource {
  package init() {}
  package func read() -> SystemCounters? { nil }
}

/// The counters of Linux, of `/proc/stat` and `/proc/self`: about 0.1 ms a reading.
///
/// Other systems report too little to an unprivileged process, so they have no counters.
package struct ProcCounters: CounterSource {
  /// Seconds in which the kernel counts `/proc/stat`.
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
    /// The waits of all threads; `nil` where the kernel keeps none.
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
  /// The first 511 bytes as text; empty where there is no such file.
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
