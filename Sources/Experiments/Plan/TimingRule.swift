import Measurement
import Records

extension TimingSetting {
  /// Half of the relative width of an interval until which a timer goes on, where a spec does not
  /// say.
  static let standardUntil = 0.05

  /// The stop rule that this setting records.
  ///
  /// Where a spec asks for a width it gets ten times the minimum to reach it, else twice.
  package var rule: StopRule {
    StopRule(
      warmup: warmup, minSeconds: minSeconds, minSamples: minSamples,
      until: until ?? Self.standardUntil,
      maxSeconds: maxSeconds ?? (until == nil ? 2 : 10) * minSeconds)
  }
}
