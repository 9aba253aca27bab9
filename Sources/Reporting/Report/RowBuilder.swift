import Measurement
import Records
import Support

/// What a run requested for a row, besides its method.
struct AskedRow {
  var reasons: [RowReason] = []
  var control: MethodSetting?
  var race: RaceStanding?
}

/// Creates the rows of a report from joined records.
struct RowBuilder {
  let joined: JoinedRecords
  let rows: [RowKey]?
  let parameterText: ParameterText
  let staircases: [Staircase]
  let curves: [UtilityCurve]

  /// All tables: for each model, every combination of a data set and a timing configuration.
  func groups() -> [RowGroup] {
    let medians = bootstraps()
    return sorted(
      Places(joined: joined, rows: rows).groups().compactMap { place in
        var group = place.group
        let finder = GroupFinder(
          joined: joined, group: group, medians: medians, text: parameterText,
          staircase: staircases.first { $0.belongs(to: place.group) })
        group.rows = selection(for: group, measured: place.methods).compactMap { key in
          let row = finder.row(key.method, key.asked)
          let isEmpty = row.accuracy == nil && row.latency == nil
          return rows == nil && isEmpty ? nil : row
        }
        group.markFront()
        group.choiceLines =
          choiceLines(for: group)
          + [group.raceLine(joined), group.openFrontLine()].compactMap { $0 }
        return group.rows.isEmpty ? nil : group
      })
  }

  /// The rows to show, without duplicates; several reasons for the same setting share a row.
  private func selection(
    for group: RowGroup, measured: Set<MethodSetting>
  ) -> [(method: MethodSetting, asked: AskedRow)] {
    guard let rows else {
      return measured.sorted(by: joined.catalog.precedes).map { ($0, AskedRow()) }
    }
    var order: [MethodSetting] = []
    var asked: [MethodSetting: AskedRow] = [:]
    for row in rows where row.model == group.model && row.place.includes(group) {
      if asked[row.method] == nil { order.append(row.method) }
      var known = asked[row.method] ?? AskedRow()
      if let reason = row.reason, !known.reasons.contains(reason) { known.reasons.append(reason) }
      known.control = known.control ?? row.control
      known.race = known.race ?? row.race
      asked[row.method] = known
    }
    return order.map { ($0, asked[$0] ?? AskedRow()) }
  }

  /// The uncertainty of each R that α has chosen for rows of a table.
  private func choiceLines(for group: RowGroup) -> [String] {
    let alphas = (rows ?? []).filter { $0.model == group.model && $0.place.includes(group) }
      .compactMap(\.reason?.alpha)
    let known = curves.filter { $0.belongs(to: group) }
    let curve = known.first { $0.dataset.name == group.dataset?.name } ?? known.first
    return curve?.choiceLines(alphas: Set(alphas).sorted()) ?? []
  }

  /// Resampled medians of every timing that a row needs, computed once each.
  private func bootstraps() -> [JoinedRecords.TimingID: BootstrapMedians] {
    let wanted = rows.map { Set($0.map(\.method)) } ?? Set(joined.methods)
    var medians: [JoinedRecords.TimingID: BootstrapMedians] = [:]
    let rows = joined.latencies.filter { wanted.contains($0.key.method) }.map { ($0.key, $0.value) }
    let baselines = joined.baselines.flatMap { key, timings in timings.map { (key, $0) } }
    for (key, timing) in rows + baselines {
      var generator = SplitMix64(seedText: timing.key)
      medians[timing.id(key)] = BootstrapMedians(
        samples: timing.result.samplesMilliseconds, rounds: timing.result.rounds,
        using: &generator)
    }
    return medians
  }

  /// Sorted by model, data set, device and batch size; models in the order of the spec if there is
  /// one.
  private func sorted(_ groups: [RowGroup]) -> [RowGroup] {
    var ranks: [ModelIdentity: Int] = [:]
    for (rank, row) in (rows ?? []).enumerated() where ranks[row.model] == nil {
      ranks[row.model] = rank
    }
    func text(_ group: RowGroup) -> [String] {
      [
        group.model.sortText, group.weights?.name ?? "", group.weights?.digest ?? "",
        group.dataset?.name ?? "", group.dataset?.fingerprint ?? "",
        group.dataset?.preprocessing ?? "", group.precision, group.device?.name ?? "",
        group.device?.hardware ?? "", group.device.map { "\($0.threads)" } ?? "",
        group.device?.engine ?? "",
      ]
    }
    return groups.map { (rank: ranks[$0.model] ?? .max, text: text($0), group: $0) }
      .sorted { a, b in
        if a.rank != b.rank { return a.rank < b.rank }
        if a.text != b.text { return a.text.lexicographicallyPrecedes(b.text) }
        return (a.group.batchSize ?? 0) < (b.group.batchSize ?? 0)
      }.map(\.group)
  }
}

extension RowGroup {
  /// Marks the rows that no other dominates.
  ///
  /// Rows of incomplete data sets do not count unless a race knows them precisely enough. Rows with
  /// unreliable timings are not marked, nor are the rows that they dominate.
  mutating func markFront() {
    for index in rows.indices { rows[index].isOnFront = false }
    let candidates = rows.indices.compactMap { index -> (Int, TradeOff)? in
      guard rows[index].competes || rows[index].isRival, let accuracy = rows[index].accuracy,
        let latency = rows[index].latency
      else { return nil }
      return (
        index, TradeOff(latency: latency.milliseconds.median, accuracy: accuracy.top1Percent)
      )
    }
    for position in paretoFront(candidates.map(\.1)) {
      rows[candidates[position].0].isOnFront = rows[candidates[position].0].competes
    }
  }
}
