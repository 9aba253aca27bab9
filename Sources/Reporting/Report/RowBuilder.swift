import Measurement
import Records

/// Makes the rows of a report from joined records.
struct RowBuilder {
  let joined: JoinedRecords
  let rows: [RowKey]?
  let parameterText: ParameterText

  private struct ModelAt: Hashable {
    let model: ModelIdentity
    let precision: String
  }
  private struct Predicted: Hashable {
    let weights: WeightsSetting?
    let dataset: DatasetSetting
  }
  private struct Timed: Hashable {
    let device: DeviceSetting
    let batchSize: Int
  }

  /// All groups: for each model, every data set it was judged on with every place it was timed.
  func groups() -> [RowGroup] {
    var predicted: [ModelAt: Set<Predicted>] = [:]
    var timed: [ModelAt: Set<Timed>] = [:]
    var methods: [ModelAt: Set<MethodSetting>] = [:]
    for key in joined.accuracies.keys {
      let model = ModelAt(model: key.model, precision: key.precision)
      predicted[model, default: []].insert(Predicted(weights: key.weights, dataset: key.dataset))
      methods[model, default: []].insert(key.method)
    }
    for key in joined.latencies.keys {
      let model = ModelAt(model: key.model, precision: key.precision)
      timed[model, default: []].insert(Timed(device: key.device, batchSize: key.batchSize))
      methods[model, default: []].insert(key.method)
    }
    let medians = bootstraps()
    var groups: [RowGroup] = []
    for (model, measured) in methods {
      let judged: [Predicted?] = predicted[model].map { $0.map { $0 } } ?? [nil]
      let places: [Timed?] = timed[model].map { $0.map { $0 } } ?? [nil]
      for predicted in judged {
        for timed in places {
          var group = RowGroup(
            model: model.model, weights: predicted?.weights, dataset: predicted?.dataset,
            device: timed?.device, batchSize: timed?.batchSize, precision: model.precision,
            rows: [])
          let selected = selection(for: group, measured: measured)
          let finder = GroupFinder(joined: joined, group: group, medians: medians)
          group.rows = selected.compactMap { key in
            let row = finder.row(key.method, origin: key.origin, text: parameterText)
            let isEmpty = row.accuracy == nil && row.latency == nil
            return rows == nil && isEmpty ? nil : row
          }
          markFront(of: &group)
          if !group.rows.isEmpty { groups.append(group) }
        }
      }
    }
    return sorted(groups)
  }

  /// The rows to show, each once; several origins of one setting share a row.
  private func selection(
    for group: RowGroup, measured: Set<MethodSetting>
  ) -> [(method: MethodSetting, origin: String?)] {
    guard let rows else {
      return measured.sorted(by: RowOrder.precedes).map { ($0, nil) }
    }
    var order: [MethodSetting] = []
    var origins: [MethodSetting: [String]] = [:]
    for row in rows where row.model == group.model && row.place.includes(group) {
      if origins[row.method] == nil { order.append(row.method) }
      origins[row.method, default: []].append(contentsOf: row.origin.map { [$0] } ?? [])
    }
    return order.map { method in
      let texts = origins[method] ?? []
      return (method, texts.isEmpty ? nil : texts.joined(separator: ", "))
    }
  }

  /// Resampled medians of every timing, each once.
  private func bootstraps() -> [JoinedRecords.LatencyKey: BootstrapMedians] {
    let wanted = rows.map { Set($0.map(\.method)) } ?? Set(joined.methods)
    var medians: [JoinedRecords.LatencyKey: BootstrapMedians] = [:]
    for (key, timing) in joined.latencies
    where wanted.contains(key.method) || key.method.name == baselineMethod {
      var generator = SeededGenerator(seedText: timing.key)
      medians[key] = BootstrapMedians(
        samples: timing.result.samplesMilliseconds, rounds: timing.result.rounds,
        using: &generator)
    }
    return medians
  }

  /// Marks the rows that no other dominates; rows of incomplete data sets do not compete.
  private func markFront(of group: inout RowGroup) {
    let candidates = group.rows.indices.compactMap { index -> (Int, TradeOff)? in
      guard let accuracy = group.rows[index].accuracy, accuracy.isComplete,
        let latency = group.rows[index].latency
      else { return nil }
      return (
        index,
        TradeOff(latency: latency.milliseconds.median, accuracy: accuracy.top1Percent)
      )
    }
    for position in paretoFront(candidates.map(\.1)) {
      group.rows[candidates[position].0].isOnFront = true
    }
  }

  /// By model, data set, device, batch size; models in the spec's order where there is one.
  private func sorted(_ groups: [RowGroup]) -> [RowGroup] {
    var ranks: [ModelIdentity: Int] = [:]
    for (rank, row) in (rows ?? []).enumerated() where ranks[row.model] == nil {
      ranks[row.model] = rank
    }
    func text(_ group: RowGroup) -> [String] {
      [
        group.model.name, String(describing: group.model.architecture.sorted { $0.key < $1.key }),
        group.weights?.name ?? "", group.weights?.digest ?? "", group.dataset?.name ?? "",
        group.dataset?.fingerprint ?? "", group.dataset?.preprocessing ?? "", group.precision,
        group.device?.name ?? "", group.device?.hardware ?? "",
        group.device.map { "\($0.threads)" } ?? "",
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
