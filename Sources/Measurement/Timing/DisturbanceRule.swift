import Records

/// When a round counts as disturbed: by the CPU time that others took from its workers.
///
/// Every share is relative to the time of the worker cores, wall time × workers. A pass waits for
/// its slowest worker, so a share s taken from one of n workers can delay a pass n times as much:
/// even a few percent are too much for a careful timing.
package struct DisturbanceRule: Hashable, Sendable {
  /// The number of threads that a pass keeps busy; 0 if a device computes, whose own clock is used.
  package var workers: Int
  /// Cores that this process may use.
  package var cores: Int

  package init(workers: Int, cores: Int) {
    self.workers = workers
    self.cores = cores
  }

  /// Stolen time: a virtual machine on a shared host always loses less than a hundredth.
  static let stolenShare = 0.02
  /// Time of other processes: the daemons of an idle machine take less than a hundredth of a core.
  static let otherShare = 0.05
  /// Run-queue wait: an idle machine's threads wait microseconds to wake up, below 0.002 of their
  /// time.
  static let waitShare = 0.02
  /// Preemptions per second and worker: each costs up to a time slice of about 3 ms, and kernel
  /// threads cause about ten.
  static let preemptionsPerSecond = 25.0

  /// What disturbed the passes between two readings, with the largest share of a single reason.
  package func disturbances(
    from before: SystemCounters, to after: SystemCounters, seconds: Double
  ) -> (reasons: [Disturbance], share: Double) {
    guard workers > 0, seconds > 0 else { return ([], 0) }
    let room = seconds * Double(workers)
    // Ticks are whole numbers: one tick at either end of the interval is not significant, on any
    // core.
    let grain = ProcCounters.tick * Double(min(workers, cores))
    var found: [(reason: Disturbance, share: Double)] = []
    if let first = before.stolenSeconds, let last = after.stolenSeconds {
      let share = (last - first) / room
      if share > Self.stolenShare, last - first > grain { found.append((.stolenTime, share)) }
    }
    if let first = before.busySeconds, let last = after.busySeconds {
      let own = after.ownSeconds - before.ownSeconds
      // Cores that no worker needs are free for others.
      let spare = seconds * Double(max(0, cores - workers))
      let taken = (last - first) - own - spare
      if taken / room > Self.otherShare, taken > grain {
        found.append((.otherProcesses, min(1, taken / room)))
      }
    }
    // If there are more workers than cores, they wait for each other, as the user requested.
    if workers <= cores {
      if let first = before.waitSeconds, let last = after.waitSeconds {
        let share = (last - first) / room
        if share > Self.waitShare { found.append((.runQueueWait, min(1, share))) }
      } else if let first = before.preemptions, let last = after.preemptions,
        Double(last - first) > Self.preemptionsPerSecond * room
      {
        found.append((.preemption, 0))
      }
    }
    return (found.map(\.reason), found.map(\.share).max() ?? 0)
  }
}
