/// How far a timing can be trusted, and what was left out of it.
package struct TimingQuality: Codable, Hashable, Sendable {
  /// Whether the system reported what else ran.
  package enum Counters: String, Codable, Hashable, Sendable { case read, unavailable }

  package var counters: Counters
  /// Interleaved rounds that were taken, those left out included.
  package var rounds: Int
  /// Rounds that something else disturbed, in the order taken.
  package var disturbed: [DisturbedRound]
  /// Why nothing should be concluded from the timing; empty where it is reliable.
  package var flaws: [TimingFlaw]

  package init(
    counters: Counters, rounds: Int, disturbed: [DisturbedRound] = [], flaws: [TimingFlaw] = []
  ) {
    self.counters = counters
    self.rounds = rounds
    self.disturbed = disturbed
    self.flaws = flaws
  }

  /// Whether the rounds are among those taken, once each.
  package var isConsistent: Bool {
    Set(disturbed.map(\.round)).count == disturbed.count
      && disturbed.allSatisfy { $0.round >= 0 && $0.round < rounds }
  }

  /// Rounds that were left out of the result.
  package var droppedRounds: Int { disturbed.count { $0.droppedMilliseconds != nil } }

  /// Timings that were left out of the result.
  package var droppedSamples: Int {
    disturbed.reduce(0) { $0 + ($1.droppedMilliseconds?.count ?? 0) }
  }
}

/// Why nothing should be concluded from a timing.
package enum TimingFlaw: String, Codable, Hashable, Sendable, CaseIterable {
  /// Leaving the disturbed rounds out would have left less than half of them, so all were kept.
  case mostRoundsDisturbed = "most_rounds_disturbed"
  /// The 95 % interval is so wide that it says little, however long the timer went on.
  case wideInterval = "wide_interval"
}

/// An interleaved round during which the machine did something else as well.
package struct DisturbedRound: Codable, Hashable, Sendable {
  package var round: Int
  package var reasons: [Disturbance]
  /// The largest share of the worker cores' time, 0…1, that one of the reasons took.
  package var share: Double
  /// The timings that were left out, in milliseconds; `nil` where the round was kept.
  package var droppedMilliseconds: [Double]?

  package init(
    round: Int, reasons: [Disturbance], share: Double, droppedMilliseconds: [Double]? = nil
  ) {
    self.round = round
    self.reasons = reasons
    self.share = share
    self.droppedMilliseconds = droppedMilliseconds
  }

  enum CodingKeys: String, CodingKey {
    case round, reasons, share
    case droppedMilliseconds = "dropped_ms"
  }
}

/// What the system's counters show to have disturbed a timing.
package enum Disturbance: String, Codable, Hashable, Sendable, CaseIterable {
  /// The hypervisor ran another guest on our cores.
  case stolenTime = "stolen_time"
  /// Other processes ran on cores that the passes need.
  case otherProcesses = "other_processes"
  /// Our threads were ready to run and waited for a core.
  case runQueueWait = "run_queue_wait"
  /// Our threads were taken off their cores, where the system does not report how long they waited.
  case preemption
}
