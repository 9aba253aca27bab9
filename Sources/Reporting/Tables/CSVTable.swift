import Records

/// A report as comma-separated values with units in the column names (RFC 4180, line feeds).
struct CSVTable {
  /// Name and value of each column, in order; a missing value is an empty cell.
  static let columns: [(name: String, value: @Sendable (RowGroup, Row) -> JSONValue)] =
    placeColumns + accuracyColumns + latencyColumns + costColumns + comparisonColumns

  /// The columns of the second baseline, the control, and the operations of a pass.
  private static let comparisonColumns:
    [(name: String, value: @Sendable (RowGroup, Row) -> JSONValue)] = [
      ("control_delta_points", { _, row in number(row.control?.points, 4) }),
      ("control_delta_points_low", { _, row in number(row.control?.interval.lower, 4) }),
      ("control_delta_points_high", { _, row in number(row.control?.interval.upper, 4) }),
      (
        "control_mcnemar_mid_p",
        { _, row in number(row.control.flatMap { $0.isSequential ? nil : $0.midP }, 6) }
      ),
      ("race_until_points", { _, row in number(row.race?.untilPoints, 6) }),
      ("race_stop", { _, row in text(row.race?.stop?.name) }),
      ("speedup_explicit", { _, row in number(row.explicitSpeedup?.ratio, 4) }),
      ("speedup_explicit_low", { _, row in number(row.explicitSpeedup?.interval.lower, 4) }),
      ("speedup_explicit_high", { _, row in number(row.explicitSpeedup?.interval.upper, 4) }),
      ("attention_fused", { _, row in count(row.attention?.fused) }),
      ("attention_scored", { _, row in count(row.attention?.scored) }),
      ("attention_explicit", { _, row in count(row.attention?.explicit) }),
      (
        "attention_mb_per_image",
        { _, row in number(row.attention.map { Double($0.bytes) / 1e6 }, 6) }
      ),
      ("launches", { _, row in count(row.launches) }),
    ]

  private static let placeColumns: [(name: String, value: @Sendable (RowGroup, Row) -> JSONValue)] =
    [
      ("model", { group, _ in .string(group.model.name) }),
      ("weights", { group, _ in text(group.weights?.name) }),
      ("dataset", { group, _ in text(group.dataset?.name) }),
      ("device", { group, _ in text(group.device?.name) }),
      ("hardware", { group, _ in text(group.device?.hardware) }),
      ("threads", { group, _ in count(group.device?.threads) }),
      (
        "engine",
        { group, _ in
          text(group.device.flatMap { $0.engine ?? ($0.threads > 0 ? "packed" : nil) })
        }
      ),
      ("batch_size", { group, _ in count(group.batchSize) }),
      ("precision", { group, _ in .string(group.precision) }),
      ("method", { _, row in .string(row.method.name) }),
      ("label", { _, row in .string(row.label) }),
      ("parameters", { _, row in .object(row.method.parameters) }),
      ("tokens_in", { group, _ in .integer(group.model.tokens) }),
      ("tokens_left", { _, row in count(row.tokensLeft) }),
    ]

  private static let accuracyColumns:
    [(name: String, value: @Sendable (RowGroup, Row) -> JSONValue)] = [
      ("images", { _, row in count(row.accuracy?.images) }),
      ("images_expected", { _, row in count(row.accuracy?.expectedImages) }),
      ("images_skipped", { _, row in count(row.accuracy?.skippedImages) }),
      ("top1_percent", { _, row in number(row.accuracy?.top1Percent, 4) }),
      ("top1_percent_low", { _, row in number(row.accuracy?.top1Interval.lower, 4) }),
      ("top1_percent_high", { _, row in number(row.accuracy?.top1Interval.upper, 4) }),
      ("top5_percent", { _, row in number(row.accuracy?.top5Percent, 4) }),
      ("top5_percent_low", { _, row in number(row.accuracy?.top5Interval.lower, 4) }),
      ("top5_percent_high", { _, row in number(row.accuracy?.top5Interval.upper, 4) }),
      ("delta_top1_points", { _, row in number(row.change?.points, 4) }),
      ("delta_top1_points_low", { _, row in number(row.change?.interval.lower, 4) }),
      ("delta_top1_points_high", { _, row in number(row.change?.interval.upper, 4) }),
      (
        "delta_mcnemar_mid_p",
        { _, row in number(row.change.flatMap { $0.isSequential ? nil : $0.midP }, 6) }
      ),
      ("delta_within_noise", { _, row in flag(row.change?.isWithinNoise) }),
    ]

  private static let latencyColumns:
    [(name: String, value: @Sendable (RowGroup, Row) -> JSONValue)] = [
      ("latency_ms_median", { _, row in number(row.latency?.milliseconds.median, 6) }),
      ("latency_ms_q1", { _, row in number(row.latency?.milliseconds.lowerQuartile, 6) }),
      ("latency_ms_q3", { _, row in number(row.latency?.milliseconds.upperQuartile, 6) }),
      ("latency_samples", { _, row in count(row.latency?.milliseconds.count) }),
      ("speedup", { _, row in number(row.speedup?.ratio, 4) }),
      ("speedup_low", { _, row in number(row.speedup?.interval.lower, 4) }),
      ("speedup_high", { _, row in number(row.speedup?.interval.upper, 4) }),
      (
        "slower_than_baseline",
        { _, row in flag(row.speedup.flatMap { $0.isReliable ? $0.isSlower : nil }) }
      ),
      ("timing_reliable", { _, row in flag(row.latency.map { _ in row.isReliable }) }),
      (
        "timing_flaws",
        { _, row in
          let flaws = row.flaws.map(\.rawValue) + (row.hasFewSamples ? ["few_samples"] : [])
          return text(flaws.isEmpty ? nil : flaws.joined(separator: ";"))
        }
      ),
      ("rounds_dropped", { _, row in count(row.latency?.quality.map(\.droppedRounds)) }),
      ("images_per_second", { _, row in number(row.latency?.imagesPerSecond, 3) }),
    ]

  private static let costColumns: [(name: String, value: @Sendable (RowGroup, Row) -> JSONValue)] =
    [
      ("macs_giga", { _, row in number(row.macs.map { Double($0) / 1e9 }, 6) }),
      (
        "parameters_million", { _, row in number(row.modelParameters.map { Double($0) / 1e6 }, 6) }
      ),
      (
        "peak_memory_mb",
        { _, row in number(row.latency.map { Double($0.peakMemoryBytes) / 1e6 }, 3) }
      ),
      ("next_step_tokens", { _, row in count(row.nextStep?.moreTokens) }),
      ("next_step_total_gain_ms", { _, row in number(row.nextStep?.gain, 6) }),
      ("next_step_gain_ms", { _, row in number(row.nextStep?.stepGain, 6) }),
      ("next_step_gain_ms_low", { _, row in number(row.nextStep?.stepGainInterval.lower, 6) }),
      ("next_step_gain_ms_high", { _, row in number(row.nextStep?.stepGainInterval.upper, 6) }),
      ("on_front", { _, row in .boolean(row.isOnFront) }),
      ("notes", { _, row in .string(row.notes.joined(separator: "; ")) }),
    ]

  /// Every row of every group.
  static func all(_ report: Report) -> String {
    text(report.groups.map { ($0, $0.rows) })
  }

  /// The rows on the front, by increasing latency.
  static func front(_ report: Report) -> String {
    text(report.groups.map { ($0, $0.front) })
  }

  private static func text(_ groups: [(RowGroup, [Row])]) -> String {
    var lines = [columns.map(\.name).joined(separator: ",")]
    for (group, rows) in groups {
      for row in rows {
        lines.append(columns.map { cell($0.value(group, row)) }.joined(separator: ","))
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }

  private static func count(_ value: Int?) -> JSONValue { value.map { .integer($0) } ?? .null }

  private static func flag(_ value: Bool?) -> JSONValue { value.map { .boolean($0) } ?? .null }

  private static func number(_ value: Double?, _ digits: Int) -> JSONValue {
    value.flatMap { Double(plain($0, digits: digits)) }.map { .number($0) } ?? .null
  }

  private static func cell(_ value: JSONValue) -> String {
    switch value {
    case .null: ""
    case .boolean(let flag): String(flag)
    case .integer(let count): String(count)
    case .number(let number): trimmed(number, digits: 6)
    case .string(let text): quoted(text)
    case .array, .object: quoted(JSONText.line(value))
    }
  }

  /// Quoted only if it contains a comma, a quote or a line break.
  static func quoted(_ text: String) -> String {
    guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
