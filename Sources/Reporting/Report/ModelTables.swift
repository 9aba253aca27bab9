import Measurement
import Records
import Support

/// Tables whose rows are models without reduction, one for each device, batch size and data set.
struct ModelTables {
  let groups: [RowGroup]
  let joined: JoinedRecords
  /// The model that each model is compared with, by the names in the spec; `*` applies to all
  /// others.
  let baselines: [String: String]

  /// The tables to show: tables of models before those of methods, or the unchanged groups if
  /// models are not compared.
  func tables() -> [RowGroup] {
    let methods = groups.filter { $0.rows.contains { !$0.isBaseline } }
    let models = groups.filter { $0.rows.contains(where: \.isBaseline) }
    // Models with measured methods have tables of their own.
    guard !baselines.isEmpty || methods.isEmpty, Set(models.map(\.model)).count > 1 else {
      return groups
    }
    var places: [[RowGroup]] = []
    for group in models {
      let index = places.firstIndex { $0[0].isSamePlace(as: group) }
      if let index { places[index].append(group) } else { places.append([group]) }
    }
    return places.map(table) + methods
  }

  private func table(_ places: [RowGroup]) -> RowGroup {
    let first = places[0]
    var table = RowGroup(
      model: first.model.named("\(places.count) models"), weights: nil, dataset: first.dataset,
      device: first.device, batchSize: first.batchSize, precision: first.precision, rows: [])
    table.isOfModels = true
    table.rows = places.compactMap { row(of: $0, among: places) }
    table.markFront()
    let names = Set(places.compactMap { baseline(of: $0, among: places)?.model.name })
    if let name = names.first {
      let subject = names.count == 1 ? name : "the model that its note names"
      table.choiceLines = [
        "Δ top-1 and speed-up are against \(subject), which was timed in rounds of its own"
      ]
    }
    return table
  }

  private func row(of group: RowGroup, among places: [RowGroup]) -> Row? {
    guard var row = group.rows.first(where: \.isBaseline) else { return nil }
    row.method = MethodSetting(name: group.model.name, parameters: [:])
    row.family = .other
    guard let reference = baseline(of: group, among: places) else { return row }
    row.referenceModel = reference.model.name
    row.speedup = speedup(of: group, against: reference)
    if let mine = tally(of: group), let theirs = tally(of: reference) {
      row.change = AccuracyChange(of: mine, against: theirs)
    }
    if baselines["*"] == nil { row.notes.append("against \(reference.model.name)") }
    return row
  }

  /// The group of the model that `group` is compared with; `nil` for that model itself.
  private func baseline(of group: RowGroup, among places: [RowGroup]) -> RowGroup? {
    guard let name = baselines[group.model.name] ?? baselines["*"], name != group.model.name else {
      return nil
    }
    return places.first { $0.model.name == name }
  }

  private func tally(of group: RowGroup) -> AccuracyTally? {
    joined.catalog.baseline.flatMap { group.accuracyKey(of: $0) }
      .flatMap { joined.accuracies[$0] }
  }

  private func speedup(of group: RowGroup, against reference: RowGroup) -> Speedup? {
    func timing(_ group: RowGroup) -> JoinedRecords.Timing? {
      joined.catalog.baseline.flatMap { group.latencyKey(of: $0) }
        .flatMap { joined.latencies[$0] }
    }
    guard let mine = timing(group), let theirs = timing(reference) else { return nil }
    func medians(_ timing: JoinedRecords.Timing) -> BootstrapMedians? {
      var generator = SplitMix64(seedText: timing.key)
      return BootstrapMedians(
        samples: timing.result.samplesMilliseconds, rounds: timing.result.rounds,
        using: &generator)
    }
    guard let own = medians(mine), let other = medians(theirs) else { return nil }
    return Speedup(theirs, mine, other, own)
  }
}

extension RowGroup {
  fileprivate func isSamePlace(as other: RowGroup) -> Bool {
    dataset == other.dataset && device == other.device && batchSize == other.batchSize
      && precision == other.precision
  }
}
