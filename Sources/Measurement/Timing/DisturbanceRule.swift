import Records

/// When a round counts as disturbed: by how much processor time others took from its workers.
///
/// Every share is of the time of the worker cores, wall time × workers. A pass waits for its
/// slowest worker, so that a share s taken from one of n workers for a moment can cost a pass n
/// times as much: a few per cent are already more than a careful timing should hold.
package struct DisturbanceRule: Hashable, Sendable {
  /// Threads that a pass keeps busy; 0 where a device computes, whose own clock counts.
  package var workers: Int
  /// Cores that this process may use.
  package var cores: Int

  package init(workers: Int, cores: Int) {
    self.workers = workers
    self.cores = cores
  }

  /// Stolen time: what a virtual machine on a shared host always loses is below a hundredth.
  static let stolenShare = 0.02
  /// Time of other processes: daemons of an idle machine take below a hundredth of a core.
  static let otherShare = 0.05
  /// Run-queue wait: an idle machine's threads wait microseconds to wake up, below 0.002 of their
  /// time.
  static let waitShare = 0.02
  /// Preemptions a second and worker: each costs up to a time slice of some 3 ms, and kernel
  /// threads cause ten or so.
  static let preemptionsPerSecond = 25.0

  /// What disturbed the passes between two readings, with the largest share that one of the reasons
  /// took.
  package func disturbances(
    from before: SystemCounters, to after: SystemCounters, seconds: Double
  ) -> (reasons: [Disturbance], share: Double) {
    guard workers > 0, seconds > 0 else { return ([], 0) }
    let room = seconds * Double(workers)
    // Ticks are whole: one at either end of the interval says nothing, on any core.
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
    // More workers than cores wait for each other, which is what was asked for.
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
