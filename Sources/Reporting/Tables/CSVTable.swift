import Foundation
import Records

/// A report as comma-separated values with units in the column names (RFC 4180, line feeds).
struct CSVTable {
  /// Name and cell of each column; a missing value is an empty cell.
  static let columns: [(name: String, cell: @Sendable (RowGroup, Row) -> String)] = [
    ("model", { group, _ in group.model.name }),
    ("weights", { group, _ in group.weights?.name ?? "" }),
    ("dataset", { group, _ in group.dataset?.name ?? "" }),
    ("device", { group, _ in group.device?.name ?? "" }),
    ("hardware", { group, _ in group.device?.hardware ?? "" }),
    ("threads", { group, _ in group.device.map { String($0.threads) } ?? "" }),
    ("batch_size", { group, _ in group.batchSize.map(String.init) ?? "" }),
    ("precision", { group, _ in group.precision }),
    ("method", { _, row in row.method.name }),
    ("label", { _, row in row.label }),
    ("parameters", { _, row in json(row.method.parameters) }),
    ("tokens_in", { group, _ in String(group.model.tokens) }),
    ("tokens_left", { _, row in row.tokensLeft.map(String.init) ?? "" }),
    ("images", { _, row in row.accuracy.map { String($0.images) } ?? "" }),
    ("images_expected", { _, row in row.accuracy.map { String($0.expectedImages) } ?? "" }),
    ("images_skipped", { _, row in row.accuracy.map { String($0.skippedImages) } ?? "" }),
    ("top1_percent", { _, row in number(row.accuracy?.top1Percent, 4) }),
    ("top1_percent_low", { _, row in number(row.accuracy?.top1Interval.lower, 4) }),
    ("top1_percent_high", { _, row in number(row.accuracy?.top1Interval.upper, 4) }),
    ("top5_percent", { _, row in number(row.accuracy?.top5Percent, 4) }),
    ("top5_percent_low", { _, row in number(row.accuracy?.top5Interval.lower, 4) }),
    ("top5_percent_high", { _, row in number(row.accuracy?.top5Interval.upper, 4) }),
    ("delta_top1_points", { _, row in number(row.change?.points, 4) }),
    ("delta_top1_points_low", { _, row in number(row.change?.interval.lower, 4) }),
    ("delta_top1_points_high", { _, row in number(row.change?.interval.upper, 4) }),
    ("delta_mcnemar_mid_p", { _, row in number(row.change?.midP, 6) }),
    ("delta_within_noise", { _, row in row.change.map { String($0.isWithinNoise) } ?? "" }),
    ("latency_ms_median", { _, row in number(row.latency?.milliseconds.median, 6) }),
    ("latency_ms_q1", { _, row in number(row.latency?.milliseconds.lowerQuartile, 6) }),
    ("latency_ms_q3", { _, row in number(row.latency?.milliseconds.upperQuartile, 6) }),
    ("latency_samples", { _, row in row.latency.map { String($0.milliseconds.count) } ?? "" }),
    ("speedup", { _, row in number(row.speedup?.ratio, 4) }),
    ("speedup_low", { _, row in number(row.speedup?.interval.lower, 4) }),
    ("speedup_high", { _, row in number(row.speedup?.interval.upper, 4) }),
    ("slower_than_baseline", { _, row in row.speedup.map { String($0.isSlower) } ?? "" }),
    ("images_per_second", { _, row in number(row.latency?.imagesPerSecond, 3) }),
    ("macs_giga", { _, row in number(row.macs.map { Double($0) / 1e9 }, 6) }),
    ("parameters_million", { _, row in number(row.modelParameters.map { Double($0) / 1e6 }, 6) }),
    (
      "peak_memory_mb",
      { _, row in number(row.latency.map { Double($0.peakMemoryBytes) / 1e6 }, 3) }
    ),
    ("next_step_tokens", { _, row in row.nextStep.map { String($0.moreTokens) } ?? "" }),
    ("next_step_gain_ms", { _, row in number(row.nextStep?.gain, 6) }),
    ("next_step_gain_ms_low", { _, row in number(row.nextStep?.gainInterval.lower, 6) }),
    ("next_step_gain_ms_high", { _, row in number(row.nextStep?.gainInterval.upper, 6) }),
    ("on_front", { _, row in String(row.isOnFront) }),
    ("notes", { _, row in row.notes.joined(separator: "; ") }),
  ]

  /// Every row of every group.
  static func all(_ report: Report) -> String {
    text(report.groups.map { ($0, $0.rows) })
  }

  /// The rows on the front, by rising latency.
  static func front(_ report: Report) -> String {
    text(report.groups.map { ($0, $0.front) })
  }

  private static func text(_ groups: [(RowGroup, [Row])]) -> String {
    var lines = [columns.map(\.name).joined(separator: ",")]
    for (group, rows) in groups {
      for row in rows {
        lines.append(columns.map { quoted($0.cell(group, row)) }.joined(separator: ","))
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func number(_ value: Double?, _ digits: Int) -> String {
    value.map { trimmed($0, digits: digits) } ?? ""
  }

  /// Quoted only where a comma, a quote or a line break demands it.
  static func quoted(_ text: String) -> String {
    guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }

  private static func json(_ parameters: [String: JSONValue]) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Only NaN and infinities cannot be encoded, and no record holds them.
    return (try? encoder.encode(parameters)).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}
