/// A source of monotonic time; tests advance one by hand.
package protocol Stopwatch {
  /// Time since an arbitrary fixed moment, never decreasing.
  var now: Duration { get }
}

/// The system's monotonic clock.
package struct MonotonicStopwatch: Stopwatch {
  private let origin = ContinuousClock.now

  package init() {}

  package var now: Duration { origin.duration(to: ContinuousClock.now) }
}

extension Duration {
  /// The length in seconds.
  package var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }

  /// The length in milliseconds.
  package var inMilliseconds: Double { inSeconds * 1e3 }
}
