import Measurement
import Records
import Support

/// Two reports side by side: two machines, two commits, two settings of a machine.
///
/// Tables are paired by model, batch size and precision, and by device where both name the same
/// one; a device without a namesake is paired when each side has just one, and so are tables of two
/// precisions. Rows are paired by method.
package struct Comparison: Sendable {
  /// The first report's name, the second's.
  package let names: (first: String, second: String)
  package let groups: [ComparedGroup]

  /// Compares `first` with `second`.
  package init(a first: Report, b second: Report) {
    names = (first.name, second.name)
    let pairs = Self.pairs(first.groups, second.groups)
    groups = pairs.compactMap { pair in
      let rows = RowPairing(
        first: first, second: second, firstGroup: pair.first, secondGroup: pair.second
      ).rows()
      return rows.isEmpty
        ? nil : ComparedGroup(first: pair.first, second: pair.second, rows: rows)
    }
  }

  private static func pairs(
    _ first: [RowGroup], _ second: [RowGroup]
  ) -> [(first: RowGroup, second: RowGroup)] {
    first.compactMap { group in
      let comparable = second.filter { $0.isAlike(group) }
      let equal = comparable.filter { $0.precision == group.precision }
      // Of another precision only where there is no choice of which to set next to which.
      if equal.isEmpty {
        let others = first.filter { $0.isAlike(group) }
        return comparable.count == 1 && others.count == 1 ? (group, comparable[0]) : nil
      }
      let alike = equal
      if let same = alike.first(where: { $0.device == group.device }) { return (group, same) }
      if let namesake = alike.first(where: { $0.device?.name == group.device?.name }) {
        return (group, namesake)
      }
      let rivals = first.filter { $0.isAlike(group) && $0.precision == group.precision }
      return alike.count == 1 && rivals.count == 1 ? (group, alike[0]) : nil
    }
  }
}

extension RowGroup {
  /// Whether the tables could be of one experiment on two machines.
  fileprivate func isAlike(_ other: RowGroup) -> Bool {
    var sameData = true
    if let dataset, let theirs = other.dataset {
      sameData = DistinctNames.isSame(dataset.name, theirs.name)
    }
    return model.isSame(as: other.model) && batchSize == other.batchSize && sameData
  }
}

/// Two tables whose rows are compared.
package struct ComparedGroup: Sendable {
  package let first: RowGroup
  package let second: RowGroup
  package let rows: [ComparedRow]

  /// What both share, then what each is.
  package var title: String {
    var shared = [first.model.name]
    if let batchSize = first.batchSize { shared.append("batch \(batchSize)") }
    shared.append(
      first.precision == second.precision
        ? first.precision : "\(first.precision) (A) and \(second.precision) (B)")
    return shared.joined(separator: " · ")
  }
}

/// A method in two reports.
package struct ComparedRow: Sendable {
  package let method: MethodSetting
  package let parameters: String
  /// `nil` where only the second report has it.
  package let first: Row?
  /// `nil` where only the first report has it.
  package let second: Row?
  /// The second's accuracy against the first's, image by image; `nil` for different data sets.
  package let change: AccuracyChange?
  /// The speed-up of the second.
  package let speedup: Speedup?
}

/// Pairs the rows of two tables.
private struct RowPairing {
  let first: Report
  let second: Report
  let firstGroup: RowGroup
  let secondGroup: RowGroup

  func rows() -> [ComparedRow] {
    var methods = firstGroup.rows.map(\.method)
    methods += secondGroup.rows.map(\.method).filter { !methods.contains($0) }
    let text = ParameterText(methods: methods)
    return methods.map { method in
      ComparedRow(
        method: method, parameters: text.text(for: method),
        first: firstGroup.rows.first { $0.method == method },
        second: secondGroup.rows.first { $0.method == method }, change: change(method),
        speedup: speedup(method))
    }
  }

  private func change(_ method: MethodSetting) -> AccuracyChange? {
    guard firstGroup.dataset == secondGroup.dataset,
      let beforeKey = firstGroup.accuracyKey(of: method),
      let afterKey = secondGroup.accuracyKey(of: method),
      let before = first.joined.accuracies[beforeKey],
      let after = second.joined.accuracies[afterKey]
    else { return nil }
    return AccuracyChange(of: after, against: before, in: firstGroup.dataset)
  }

  private func speedup(_ method: MethodSetting) -> Speedup? {
    guard let before = timing(method, firstGroup, first),
      let after = timing(method, secondGroup, second),
      let beforeMedians = medians(before, "first"), let afterMedians = medians(after, "second")
    else { return nil }
    return Speedup(before, after, beforeMedians, afterMedians)
  }

  private func timing(
    _ method: MethodSetting, _ group: RowGroup, _ report: Report
  ) -> JoinedRecords.Timing? {
    group.latencyKey(of: method).flatMap { report.joined.latencies[$0] }
  }

  /// Resampled apart on each side: the same key on two machines must not draw the same rounds.
  private func medians(_ timing: JoinedRecords.Timing, _ side: String) -> BootstrapMedians? {
    var generator = SplitMix64(seedText: timing.key + side)
    return BootstrapMedians(
      samples: timing.result.samplesMilliseconds, rounds: timing.result.rounds, using: &generator)
  }
}
