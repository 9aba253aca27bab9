import Measurement
import Records

/// A published table with the measured rows next to its lines.
package struct PublishedTable: Sendable {
  package let numbers: PublishedNumbers
  package let lines: [Line]

  /// A published line with a measured row.
  package struct Line: Sendable {
    package let published: PublishedNumbers.Line
    /// `nil` if no matching row was measured.
    package let measured: Measured?
    /// A matching row of a simulated device; `nil` if there is none.
    package let simulated: Measured?
    /// Notes, each a clause without a full stop.
    package let notes: [String]
    /// The published change of latency in percent, relative to the publication's baseline or to the
    /// published line of the model that the measured one is compared with.
    let changePercent: Double?
    /// The published change of top-1 in points, relative to the same; negative if it loses.
    let deltaPoints: Double?

    fileprivate init(
      _ numbers: PublishedNumbers, _ published: PublishedNumbers.Line,
      measured: Measured? = nil, simulated: Measured? = nil, note: String? = nil
    ) {
      self.published = published
      self.measured = measured
      self.simulated = simulated
      let reference = (measured ?? simulated)?.row.referenceModel.flatMap {
        numbers.baseline($0, of: published)
      }
      changePercent = numbers.changePercent(published, against: reference)
      deltaPoints = numbers.deltaPoints(published, against: reference)
      notes = [numbers.note(published, against: reference), note].compactMap { $0 }
    }
  }

  package struct Measured: Sendable {
    package let group: RowGroup
    package let row: Row
  }

  /// Whether it contains predicted latencies.
  var isSimulated: Bool { lines.contains { $0.simulated != nil } }
  /// Whether it contains measured latencies.
  var isMeasured: Bool { lines.contains { $0.measured != nil } }

  /// Finds the rows of `groups` that belong to each published line.
  ///
  /// If no row has the published model or batch size, rows with others are shown, because the same
  /// spec runs on any model; a note says so.
  ///
  /// - Parameters:
  ///   - groups: The tables of methods.
  ///   - models: Tables of models, whose comparisons replace those of their rows.
  init(_ numbers: PublishedNumbers, groups: [RowGroup], models: [RowGroup] = []) {
    self.numbers = numbers
    lines = numbers.rows.flatMap { line -> [Line] in
      let batchSize = line.batchSize ?? numbers.batchSize
      var places = groups
      if let model = line.model {
        // A line with its own model does not apply to other models.
        places.removeAll { $0.model.name != model }
      } else {
        Self.narrow(&places) { numbers.model == nil || $0.model.name == numbers.model }
      }
      Self.narrow(&places) { batchSize == nil || $0.batchSize == nil || $0.batchSize == batchSize }
      let found = places.flatMap { group in
        group.rows.filter { Self.fits($0, line, group) }
          .map { Measured(group: group, row: Self.compared($0, group, models)) }
      }
      guard !found.isEmpty else {
        return [Line(numbers, line)]
      }
      let simulated = found.filter { $0.group.device?.simulated != nil }
      let measured = found.filter { $0.group.device?.simulated == nil }
      return (0..<max(simulated.count, measured.count)).map { index in
        let mine = measured.indices.contains(index) ? measured[index] : nil
        let theirs = simulated.indices.contains(index) ? simulated[index] : nil
        let others = (mine ?? theirs).flatMap {
          Self.difference($0.group, model: line.model ?? numbers.model, batchSize: batchSize)
        }
        return Line(numbers, line, measured: mine, simulated: theirs, note: others)
      }
    }
  }

  /// A model's row with its comparison from a table of models, if there is one.
  private static func compared(_ row: Row, _ group: RowGroup, _ models: [RowGroup]) -> Row {
    guard row.isBaseline else { return row }
    let table = models.first {
      $0.device == group.device && $0.batchSize == group.batchSize && $0.dataset == group.dataset
        && $0.precision == group.precision
    }
    return table?.rows.first { $0.method.name == group.model.name } ?? row
  }

  private static func narrow(_ groups: inout [RowGroup], _ fits: (RowGroup) -> Bool) {
    let fitting = groups.filter(fits)
    if !fitting.isEmpty { groups = fitting }
  }

  private static func difference(_ group: RowGroup, model: String?, batchSize: Int?) -> String? {
    var parts: [String] = []
    if let model, group.model.name != model {
      parts.append("\(group.model.name), not \(model)")
    }
    if let batchSize, let measured = group.batchSize, measured != batchSize {
      parts.append("batch \(measured), not \(batchSize)")
    }
    return parts.isEmpty ? nil : "measured with \(parts.joined(separator: " and "))"
  }

  // MARK: Matching

  private static func fits(_ row: Row, _ line: PublishedNumbers.Line, _ group: RowGroup) -> Bool {
    guard let method = line.method, row.method.name == method else { return false }
    return (line.match ?? [:]).allSatisfy { key, wanted in
      if holds(row, key, wanted, group) { return true }
      guard case .array(let values) = wanted else { return false }
      return values.contains { holds(row, key, $0, group) }
    }
  }

  /// Whether a row has the value, or was chosen by it.
  private static func holds(
    _ row: Row, _ key: String, _ wanted: JSONValue, _ group: RowGroup
  ) -> Bool {
    switch key {
    case "alpha":
      return wanted.asDouble.map { row.reasons.contains(.alpha($0)) } ?? false
    case "target_latency_ms":
      return wanted.asDouble.map { row.reasons.contains(.latencyTarget(milliseconds: $0)) } ?? false
    case "target_accuracy_drop":
      return wanted.asDouble.map { row.reasons.contains(.accuracyDropTarget(points: $0)) } ?? false
    case "match_latency":
      return row.reasons.contains {
        if case .latencyMatch(let method, _) = $0 { method.name == wanted.asString } else { false }
      }
    default:
      guard let value = row.method.parameters[key] else { return false }
      if let number = value.asDouble, let block = block(wanted, group) { return number == block }
      return value == wanted
    }
  }

  /// A number as it is, or the block of the model for a percentage of its depth.
  private static func block(_ wanted: JSONValue, _ group: RowGroup) -> Double? {
    if let number = wanted.asDouble { return number }
    guard let text = wanted.asString, text.hasSuffix("%"), let percent = Double(text.dropLast()),
      let depth = group.model.architecture["depth"]?.asInt
    else { return nil }
    return Double(Int(percent / 100 * Double(depth)))
  }
}

extension Row {
  /// The change of latency relative to the baseline in percent, with its interval; negative is
  /// faster.
  var latencyChange: (percent: Double, interval: Interval)? {
    guard let speedup, speedup.interval.lower > 0 else { return nil }
    func percent(_ ratio: Double) -> Double { 100 * (1 / ratio - 1) }
    return (
      percent(speedup.ratio),
      Interval(lower: percent(speedup.interval.upper), upper: percent(speedup.interval.lower))
    )
  }
}

extension PublishedTable.Line {
  /// The row whose accuracy is shown: accuracy is measured even if latency is simulated.
  var judged: PublishedTable.Measured? { measured ?? simulated }
}
