import Measurement

/// One column of the table that shows published numbers next to measured ones.
struct PublishedColumn: Sendable {
  let title: String
  let isNumber: Bool
  /// The sort key; `nil` for text and missing values.
  let number: @Sendable (PublishedTable.Line) -> Double?
  let cell: @Sendable (PublishedTable.Line) -> String

  private init(
    _ title: String, number: (@Sendable (PublishedTable.Line) -> Double?)? = nil,
    cell: @escaping @Sendable (PublishedTable.Line) -> String
  ) {
    self.title = title
    isNumber = number != nil
    self.number = number ?? { _ in nil }
    self.cell = cell
  }

  /// The columns that have content in `table`, in order.
  static func columns(of table: PublishedTable) -> [PublishedColumn] {
    let numbers = table.numbers
    let rows = numbers.rows
    let places = Set(table.lines.compactMap { $0.measured?.place })
    let simulatedPlaces = Set(table.lines.compactMap { $0.simulated?.place })
    // Columns of measurements are left out if there are only predictions.
    let showsMeasured = table.isMeasured || !table.isSimulated
    let hasLatency = rows.contains { $0.latencyMilliseconds != nil }
    let hasChange = table.lines.contains { $0.deltaPoints != nil }
    let hasTop1 = rows.contains { $0.top1 != nil }
    let hasDevice = rows.contains { $0.device != nil }
    let columns: [PublishedColumn?] = [
      PublishedColumn("published") { $0.published.label },
      hasDevice
        ? PublishedColumn("on") { $0.published.device ?? numbers.hardware } : nil,
      rows.contains { $0.r != nil }
        ? value("R", digits: 0) { $0.r.map(Double.init) } : nil,
      hasTop1 ? value("published top-1 %", digits: 2) { $0.top1 } : nil,
      hasChange
        ? PublishedColumn("published Δ pp", number: { $0.deltaPoints }) {
          $0.deltaPoints.map { signed($0, digits: 2) } ?? Column.missing
        } : nil,
      hasLatency
        ? PublishedColumn("published ms", number: { $0.published.latencyMilliseconds }) {
          $0.published.latencyMilliseconds.map { significant($0) } ?? Column.missing
        } : nil,
      hasLatency
        ? PublishedColumn("published latency", number: { $0.changePercent }) {
          $0.changePercent.map { "\(signed($0, digits: 1)) %" }
            ?? Column.missing
        } : nil,
      showsMeasured
        ? PublishedColumn("measured") { $0.measured?.row.label ?? Column.missing } : nil,
      places.count > 1
        ? PublishedColumn("in") { $0.measured?.place ?? Column.missing } : nil,
      hasTop1 ? top1 : nil, delta, hasLatency && showsMeasured ? milliseconds : nil,
      hasLatency && showsMeasured ? change : nil,
      table.isSimulated
        ? PublishedColumn("simulated") { $0.simulated?.row.label ?? Column.missing } : nil,
      simulatedPlaces.count > 1
        ? PublishedColumn("simulated in") { $0.simulated?.place ?? Column.missing }
        : nil,
      hasLatency && table.isSimulated ? simulatedMilliseconds : nil,
      hasLatency && table.isSimulated ? simulatedChange : nil,
      table.lines.contains { PublishedAgreement($0, numbers) != nil }
        ? PublishedColumn("judged") {
          PublishedAgreement($0, numbers)?.text ?? Column.missing
        } : nil,
    ]
    let all = columns.compactMap { $0 }
    // Before anything is measured, all columns are shown.
    guard table.isMeasured || table.isSimulated else { return all }
    return all.filter { column in table.lines.contains { column.cell($0) != Column.missing } }
  }

  private static func value(
    _ title: String, digits: Int, _ value: @escaping @Sendable (PublishedNumbers.Line) -> Double?
  ) -> PublishedColumn {
    PublishedColumn(title, number: { value($0.published) }) {
      value($0.published).map { fixed($0, digits: digits) } ?? Column.missing
    }
  }

  private static let top1 = PublishedColumn(
    "measured top-1 %", number: { $0.judged?.row.accuracy?.top1Percent }
  ) { $0.judged?.row.accuracy?.top1Text ?? Column.missing }

  private static let delta = PublishedColumn(
    "measured Δ pp (95 %)", number: { $0.judged?.row.change?.points }
  ) {
    guard let change = $0.judged?.row.change else { return Column.missing }
    func text(_ value: Double) -> String { signed(value, digits: change.digits + 1) }
    let mark = change.isWithinNoise ? " \(Mark.withinNoise)" : ""
    return text(change.points) + mark
      + " (\(text(change.interval.lower))…\(text(change.interval.upper)))"
  }

  private static let milliseconds = PublishedColumn(
    "measured ms", number: { $0.measured?.row.latency?.milliseconds.median }
  ) {
    ($0.measured?.row.latency?.milliseconds.median).map { significant($0) } ?? Column.missing
  }

  private static let simulatedMilliseconds = PublishedColumn(
    "simulated ms", number: { $0.simulated?.row.latency?.milliseconds.median }
  ) {
    ($0.simulated?.row.latency?.milliseconds.median).map { significant($0) } ?? Column.missing
  }

  private static let simulatedChange = PublishedColumn(
    "simulated latency", number: { $0.simulated?.row.latencyChange?.percent }
  ) {
    ($0.simulated?.row.latencyChange?.percent).map { "\(signed($0, digits: 1)) %" }
      ?? Column.missing
  }

  private static let change = PublishedColumn(
    "measured latency (95 %)", number: { $0.measured?.row.latencyChange?.percent }
  ) {
    guard let speedup = $0.measured?.row.speedup, let change = $0.measured?.row.latencyChange else {
      return Column.missing
    }
    let mark =
      !speedup.isReliable
      ? " \(Mark.unreliable)"
      : speedup.isSlower ? " \(Mark.slower)" : speedup.isWithinNoise ? " \(Mark.withinNoise)" : ""
    let ends = [change.interval.lower, change.interval.upper].map { signed($0, digits: 1) }
    return "\(signed(change.percent, digits: 1)) %\(mark) (\(ends[0])…\(ends[1]))"
  }
}

extension PublishedTable.Measured {
  /// For example `demo_vit, cpu, batch 2`; without the model if the row is a model itself.
  var place: String {
    let model = row.label == group.model.name ? nil : group.model.name
    return [model, group.device?.name, group.batchSize.map { "batch \($0)" }].compactMap { $0 }
      .joined(separator: ", ")
  }
}

extension PublishedTable {
  /// The heading, which says whether the numbers next to the published ones were measured or
  /// predicted.
  var title: String {
    isSimulated
      ? isMeasured ? "Published, measured and simulated" : "Published and simulated"
      : "Published and measured"
  }

  /// The hardware of both, and what may be compared, one sentence each.
  var sentences: [String] {
    func sentence(_ text: String) -> String {
      text.last.map { ".!?".contains($0) } ?? true ? text : text + "."
    }
    var devices: [String] = []
    for text in lines.compactMap({ $0.measured?.group.device?.text }) where !devices.contains(text)
    {
      devices.append(text)
    }
    let base = numbers.baseline?.latencyMilliseconds.map {
      "Published changes are recomputed from milliseconds against its baseline of "
        + "\(significant($0)) ms"
    }
    let here = devices.isEmpty ? "nothing that fits" : devices.joined(separator: "; ")
    let simulated = lines.compactMap { $0.simulated?.group.device }
    let predicted = simulated.indices.filter { simulated.firstIndex(of: simulated[$0]) == $0 }
      .map { "Simulated: \(simulated[$0].text); \(simulated[$0].simulated?.errorText ?? "")" }
    let isJudged = lines.contains { PublishedAgreement($0, numbers) != nil }
    return ["Published: \(numbers.source), on \(numbers.hardware)"].map(sentence)
      + (isMeasured || !isSimulated ? ["Measured: \(here)"] : []).map(sentence)
      + predicted.map(sentence) + [sentence(numbers.comparable)]
      + (base.map { [sentence($0)] } ?? [])
      + (isJudged ? [sentence(PublishedAgreement.explanation)] : [])
  }
}
