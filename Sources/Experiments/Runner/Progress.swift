/// Receives the progress of a run; the command line shows it.
package protocol ProgressListener: AnyObject {
  /// Something a person should know, in one sentence.
  func note(_ text: String)
  /// Work was done: what, and how far the whole run is.
  func advanced(_ progress: RunProgress)
}

/// How far a run is.
package struct RunProgress: Sendable {
  /// What is being done, for example `accuracy of demo_vit`.
  package var activity: String
  /// For example `212 images/s`; empty where nothing is counted.
  package var rate: String
  package var trialsDone: Int
  package var trialsTotal: Int
  /// Estimated seconds left; `nil` before anything is known.
  package var secondsLeft: Double?
  /// How much of the expected work is done, 0…1; that of the trial at hand included.
  package var share: Double
  /// Whether a trial has just been recorded.
  package var isMilestone: Bool
}

/// Counts a run's work in expected seconds, and corrects the expectation by the time really taken.
package struct ProgressMeter {
  package private(set) var trialsDone = 0
  package private(set) var trialsTotal: Int
  private var expectedDone = 0.0
  private var expectedTotal: Double
  /// Expected seconds of the current trial that are done already.
  private var partial = 0.0

  /// - Parameter expectedSeconds: Of all trials together.
  package init(trials: Int, expectedSeconds: Double) {
    trialsTotal = trials
    expectedTotal = expectedSeconds
  }

  /// More work became known.
  package mutating func add(trials: Int, expectedSeconds: Double) {
    trialsTotal += trials
    expectedTotal += expectedSeconds
  }

  /// A trial ended; one that another process did takes no time of ours.
  package mutating func finish(trials: Int = 1, expectedSeconds: Double, elsewhere: Bool = false) {
    trialsDone += trials
    partial = 0
    if elsewhere {
      expectedTotal -= expectedSeconds
    } else {
      expectedDone += expectedSeconds
    }
  }

  /// How far the current trial is, in expected seconds.
  package mutating func setPartial(expectedSeconds: Double) { partial = expectedSeconds }

  /// How much of the expected work is done, 0…1.
  package var share: Double {
    expectedTotal > 0 ? min(1, max(0, (expectedDone + partial) / expectedTotal)) : 0
  }

  /// Estimated seconds left, given the seconds that the work done so far has taken.
  ///
  /// The first seconds say little of the rate, so that the expectation counts as ten seconds of
  /// experience.
  package func secondsLeft(elapsed: Double) -> Double? {
    guard expectedTotal > 0 else { return nil }
    let done = expectedDone + partial
    let ratio = (elapsed + 10) / (done + 10)
    return max(0, expectedTotal - done) * ratio
  }
}
