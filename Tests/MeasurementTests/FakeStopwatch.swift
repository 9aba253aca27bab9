import Measurement

/// A clock that stands still until it is advanced.
final class FakeStopwatch: Stopwatch {
  var now = Duration.zero

  func advance(milliseconds: Double) { now += .nanoseconds(Int64(milliseconds * 1e6)) }
}
