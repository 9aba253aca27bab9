import Measurement
import Records

extension TimingSetting {
  /// The stop rule that this setting records.
  package var rule: StopRule {
    StopRule(warmup: warmup, minSeconds: minSeconds, minSamples: minSamples)
  }
}
