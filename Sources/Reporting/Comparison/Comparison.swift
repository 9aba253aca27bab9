import Measurement
import Records
import Support

/// Two reports compared side by side, for example of two machines, commits or settings.
///
/// Tables are paired by model, batch size and precision, and by device if both reports have it. A
/// device or a precision that only one report has is paired if there is only one candidate on each
/// side. Rows are paired by method.
package struct Comparison: Sendable {
  /// The names of the first and the second report.
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
      // Tables of different precisions are paired only if there is exactly one on each side.
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
  /// Whether the tables may be of the same experiment on two machines.
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

  /// What both tables have in common, then what distinguishes them.
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
  /// `nil` if only the second report has it.
  package let first: Row?
  /// `nil` if only the first report has it.
  package let second: Row?
  /// The change of accuracy from the first report to the second, image by image; `nil` for
  /// different data sets.
  package let change: AccuracyChange?
  /// The speed-up of the second report relative to the first.
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

  /// Seeded differently on each side, because the same key on two machines must not draw the same
  /// rounds.
  private func medians(_ timing: JoinedRecords.Timing, _ side: String) -> BootstrapMedians? {
    var generator = SplitMix64(seedText: timing.key + side)
    return BootstrapMedians(
      samples: timing.result.samplesMilliseconds, rounds: timing.result.rounds, using: &generator)
  }
}
