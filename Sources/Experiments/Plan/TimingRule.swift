import Measurement
import Records

extension TimingSetting {
  /// The default relative half-width of an interval at which timing stops.
  static let standardUntil = 0.05

  /// The stop rule of this setting.
  ///
  /// If a spec sets a width, timing may take ten times the minimum, otherwise twice.
  package var rule: StopRule {
    StopRule(
      warmup: warmup, minSeconds: minSeconds, minSamples: minSamples,
      until: until ?? Self.standardUntil,
      maxSeconds: maxSeconds ?? (until == nil ? 2 : 10) * minSeconds)
  }
}
