/// Receives the progress of a run; the command line shows it.
package protocol ProgressListener: AnyObject {
  /// A message for the user, in one sentence.
  func note(_ text: String)
  /// Work was done: the current activity and the progress of the whole run.
  func advanced(_ progress: RunProgress)
}

/// The progress of a run.
package struct RunProgress: Sendable {
  /// The current activity, for example `accuracy of demo_vit`.
  package var activity: String
  /// For example `212 images/s`; empty if nothing is counted.
  package var rate: String
  package var trialsDone: Int
  package var trialsTotal: Int
  /// Whether results decide if further trials follow, as in a race.
  package var mayGrow: Bool
  /// Estimated seconds left; `nil` before anything is known.
  package var secondsLeft: Double?
  /// The fraction of the expected work that is done, 0…1, including the current trial.
  package var share: Double
  /// Whether a trial has just been recorded.
  package var isMilestone: Bool
}

/// Counts a run's work in expected seconds, and corrects the expectation by the actual time.
package struct ProgressMeter {
  package private(set) var trialsDone = 0
  package private(set) var trialsTotal: Int
  private var expectedDone = 0.0
  private var expectedTotal: Double
  /// The expected seconds of the current trial that are already done.
  private var partial = 0.0

  /// - Parameter expectedSeconds: The expected seconds of all trials together.
  package init(trials: Int, expectedSeconds: Double) {
    trialsTotal = trials
    expectedTotal = expectedSeconds
  }

  /// Adds work that became known later.
  package mutating func add(trials: Int, expectedSeconds: Double) {
    trialsTotal += trials
    expectedTotal += expectedSeconds
  }

  /// Ends a trial; one that another process did takes no time of this process.
  package mutating func finish(trials: Int = 1, expectedSeconds: Double, elsewhere: Bool = false) {
    trialsDone += trials
    partial = 0
    if elsewhere {
      expectedTotal -= expectedSeconds
    } else {
      expectedDone += expectedSeconds
    }
  }

  /// The progress of the current trial, in expected seconds.
  package mutating func setPartial(expectedSeconds: Double) { partial = expectedSeconds }

  /// The fraction of the expected work that is done, 0…1.
  package var share: Double {
    expectedTotal > 0 ? min(1, max(0, (expectedDone + partial) / expectedTotal)) : 0
  }

  /// The estimated seconds left, given the seconds that the work so far has taken.
  ///
  /// The first seconds say little about the rate, so the expectation is weighted like ten seconds
  /// of measurement.
  package func secondsLeft(elapsed: Double) -> Double? {
    guard expectedTotal > 0 else { return nil }
    let done = expectedDone + partial
    let ratio = (elapsed + 10) / (done + 10)
    return max(0, expectedTotal - done) * ratio
  }
}
