import OrderedCollections
import Records
import TokenReduction

/// Collects the work of one plan: each method once in each configuration.
struct PlanBuilder {
  let planner: Planner
  let reader: GridReader
  /// What other machines have measured.
  let timings: RecordedTimings
  var plan = Plan()
  private var accuracy: OrderedDictionary<AccuracyPlace, OrderedSet<PlannedMethod>> = [:]
  private var latency: OrderedDictionary<LatencyPlace, OrderedSet<PlannedMethod>> = [:]
  var datasets: [DatasetSetting: PlannedDataset] = [:]
  /// The methods of races, with the configurations in which they are timed.
  var entered:
    OrderedDictionary<AccuracyPlace, OrderedDictionary<PlannedMethod, Set<LatencyPlace>>> =
      [:]
  /// The number of batches of images in random order that each method must classify.
  var batchesAsked: OrderedDictionary<AccuracyPlace, OrderedDictionary<PlannedMethod, Int>> = [:]
  /// The sets of rows whose searches have not ended.
  var waiting: Set<LatencyPlace> = []

  /// Predictions that share decoded images.
  struct AccuracyPlace: Hashable {
    let model: Int
    let dataset: DatasetSetting
    let precision: String
  }

  /// Timings that are interleaved.
  struct LatencyPlace: Hashable {
    let model: Int
    let device: Int
    let precision: String
    let batchSize: Int
    var set: LatencyWork.Purpose
  }

  /// A model on a data set, and where its latency is measured.
  struct Table {
    let model: Int
    let dataset: PlannedDataset?
    let gridDataset: PlannedDataset?
    let raceDataset: PlannedDataset?
    let precision: String
    /// `nil` where latency is not measured.
    let place: LatencyPlace?
  }

  init(planner: Planner, reader: GridReader, timings: RecordedTimings) {
    self.planner = planner
    self.reader = reader
    self.timings = timings
  }

  mutating func build() throws -> Plan {
    plan.unavailable = planner.places.compactMap {
      if case .unavailable(let device, let reason) = $0 { (device.name, reason) } else { nil }
    }
    for model in planner.models.indices {
      for dataset in planner.datasets(for: planner.models[model]) {
        for precision in planner.spec.precisions {
          for place in places(model, precision) {
            try add(
              Table(
                model: model, dataset: dataset?.full, gridDataset: dataset?.grid,
                raceDataset: dataset?.race, precision: precision, place: place))
          }
        }
      }
    }
    race()
    plan.accuracy =
      accuracy.compactMap { place, methods in
        datasets[place.dataset].map { work(place, $0, Array(methods)) }
      } + batchWork()
    for (place, methods) in latency {
      guard let work = work(place, Array(methods)) else { continue }
      if waiting.contains(place) { plan.waiting.append(work) } else { plan.latency.append(work) }
    }
    return plan
  }

  /// The configurations in which the latency of a model is measured; one `nil` if it is not.
  private func places(_ model: Int, _ precision: String) -> [LatencyPlace?] {
    guard planner.spec.latency != nil else { return [nil] }
    return planner.places.indices.filter { !planner.places[$0].isUnavailable }.flatMap { device in
      planner.spec.batchSizes.map { batchSize in
        LatencyPlace(
          model: model, device: device, precision: precision, batchSize: batchSize, set: .rows)
      }
    }
  }

  /// Adds the known rows of one table.
  private mutating func add(_ table: Table) throws {
    var searches = RSearcher(table: table)
    let decisions = try planner.spec.methods.map { choice in
      try searches.decide(choice, in: &self)
    }
    var missing = 0
    var open: [MethodChoice] = []
    let explicit = try explicitBaseline(decisions, table)
    for (choice, decision) in zip(planner.spec.methods, decisions) {
      switch decision {
      case .chosen(let rows):
        for row in rows {
          try addRow(row.method, row.reason, table)
          if row.method.isBaseline, let explicit { addExplicitBaseline(explicit, table) }
        }
      case .waiting(let trials):
        missing = max(missing, trials)
        open.append(choice)
      case .unmet(let reason):
        let unmet = "\(place(of: table)): \(reason)"
        if !plan.unmet.contains(unmet) { plan.unmet.append(unmet) }
      }
    }
    try addMatched(table)
    guard !open.isEmpty, let place = table.place else { return }
    waiting.insert(place)
    plan.pending.append(
      PendingSearch(
        model: planner.models[table.model], device: planner.places[place.device].setting,
        precision: table.precision, batchSize: place.batchSize, choices: open, missing: missing))
  }

  func place(of table: Table) -> String {
    let model = planner.models[table.model].setting.name
    guard let place = table.place else { return model }
    return "\(model), batch \(place.batchSize) on \(planner.places[place.device].setting.name)"
  }

  /// The row of a method, and that of its control if the spec requests controls.
  private mutating func addRow(
    _ method: PlannedMethod, _ reason: RowReason?, _ table: Table
  ) throws {
    let model = planner.models[table.model]
    let control = planner.spec.control ? try model.control(of: method, planner.spec.seed) : nil
    add(row(method, reason, table, control: control), method, table)
    guard let control else { return }
    let name = RSearcher.distinguished(method.setting, method.composition.geometry)
    add(row(control, .control(of: name), table), control, table)
  }

  private mutating func add(_ row: PlannedRow, _ method: PlannedMethod, _ table: Table) {
    if let dataset = table.dataset {
      if dataset.order == nil {
        addAccuracy(method, on: dataset, table)
      } else {
        enter(method, on: dataset, table)
      }
    }
    if let place = table.place { addLatency(method, at: place) }
    plan.rows.append(row)
  }

  func row(
    _ method: PlannedMethod, _ reason: RowReason?, _ table: Table, control: PlannedMethod? = nil
  ) -> PlannedRow {
    let planned = planner.models[table.model]
    return PlannedRow(
      model: planned.setting, method: method.setting, reason: reason,
      dataset: table.dataset?.setting(planned.choice.entry.preprocessing),
      device: table.place.map { planner.places[$0.device].setting },
      batchSize: table.place?.batchSize, precision: table.precision, control: control?.setting)
  }

  // MARK: The second baseline

  /// The baseline with explicit attention, for a table with a method that reads the attention map.
  private func explicitBaseline(
    _ decisions: [RSearcher.Decision], _ table: Table
  ) throws -> PlannedMethod? {
    let model = planner.models[table.model]
    guard let place = table.place, model.info.geometry != nil else { return nil }
    let rows = decisions.flatMap { decision -> [PlannedMethod] in
      if case .chosen(let rows) = decision { rows.map(\.method) } else { [] }
    }
    let open = zip(planner.spec.methods, decisions).compactMap { choice, decision in
      // It reads the same with any r.
      if case .waiting = decision { try? model.method(choice, r: 0) } else { nil }
    }
    guard (rows + open).contains(where: { $0.composition.inputs.readsAttention }) else {
      return nil
    }
    let explicit = try model.explicitAttention()
    // A baseline that another machine has not timed is left out.
    if case .recorded = planner.places[place.device],
      timings.median(trial(explicit.setting, at: place)) == nil
    {
      return nil
    }
    return explicit
  }

  /// Only its latency, because its predictions are those of the other baseline.
  private mutating func addExplicitBaseline(_ method: PlannedMethod, _ table: Table) {
    guard let place = table.place, !plan.rows.contains(row(method, nil, table)) else { return }
    addLatency(method, at: place)
    plan.rows.append(row(method, nil, table))
  }

  // MARK: Trials

  mutating func addLatency(_ method: PlannedMethod, at place: LatencyPlace) {
    switch planner.places[place.device] {
    case .here: latency[place, default: []].append(method)
    case .recorded(let device):
      let trial = trial(method.setting, at: place)
      guard timings.median(trial) == nil else { return }
      let name = "\(TrialLabel.text(trial)) (\(device.hardware))"
      if !plan.elsewhere.contains(name) { plan.elsewhere.append(name) }
    case .unavailable: break
    }
  }

  mutating func addAccuracy(_ method: PlannedMethod, on dataset: PlannedDataset, _ table: Table) {
    let place = accuracyPlace(dataset, table)
    datasets[place.dataset] = dataset
    accuracy[place, default: []].append(method)
  }

  /// The recorded latency of a method in milliseconds; if there is none, it is added to the work.
  ///
  /// A latency that another machine has not measured cannot be measured here.
  mutating func latency(of method: PlannedMethod, at place: LatencyPlace) -> GridReader.Point {
    let trial = trial(method.setting, at: place)
    switch planner.places[place.device] {
    case .here: break
    case .recorded: return timings.median(trial).map { .value($0) } ?? .givenUp
    case .unavailable: return .givenUp
    }
    addLatency(method, at: place)
    return reader.latency(planner.trials.latency(trial, method))
  }

  /// The token counts of a search's grid at a place: the spec's, or those that another machine has
  /// measured.
  func gridTokens(at place: LatencyPlace, _ geometry: TokenGeometry) -> [Int] {
    guard case .recorded = planner.places[place.device] else {
      return planner.spec.grid.tokenCounts(geometry)
    }
    let any = SearchGrid.setting(tokens: geometry.tokens, seed: 0, geometry)
    return timings.grid(trial(any, at: place)).keys.sorted(by: >)
  }

  func trial(_ method: MethodSetting, at place: LatencyPlace) -> LatencyTrial {
    LatencyTrial(
      model: planner.models[place.model].timedSetting, method: method,
      device: planner.places[place.device].setting, precision: place.precision,
      batchSize: place.batchSize, timing: timing(place))
  }

  private func timing(_ place: LatencyPlace) -> TimingSetting {
    place.set == .rows
      ? planner.spec.latency ?? planner.spec.grid.timing : planner.spec.grid.timing
  }

  /// The recorded accuracy of a method, 0…1; if there is none, it is added to the work.
  mutating func accuracy(
    of method: PlannedMethod, on dataset: PlannedDataset, _ table: Table
  ) -> GridReader.Point {
    addAccuracy(method, on: dataset, table)
    let work = work(accuracyPlace(dataset, table), dataset, [method])
    return reader.accuracy(work.trials)
  }

  func accuracyPlace(_ dataset: PlannedDataset, _ table: Table) -> AccuracyPlace {
    let preprocessing = planner.models[table.model].choice.entry.preprocessing
    return AccuracyPlace(
      model: table.model, dataset: dataset.setting(preprocessing), precision: table.precision)
  }

  func work(
    _ place: AccuracyPlace, _ dataset: PlannedDataset, _ methods: [PlannedMethod]
  ) -> AccuracyWork {
    let model = planner.models[place.model]
    let shards = Shards.ranges(of: model, on: dataset)
    let batchSize = planner.spec.accuracy.batchSize
    return AccuracyWork(
      model: model, dataset: dataset, device: planner.devices[0], precision: place.precision,
      batchSize: batchSize, shards: shards,
      methods: methods.map { method in
        let trial = AccuracyTrial(
          model: model.setting, method: method.setting, dataset: place.dataset,
          precision: place.precision, firstImage: 0, imageCount: 0,
          batchSize: method.composition.dependsOnBatch ? batchSize : nil)
        return AccuracyWork.Method(
          method: method, trials: planner.trials.accuracies(trial, method, shards: shards))
      })
  }

  /// The work in a configuration of this machine.
  private func work(_ place: LatencyPlace, _ methods: [PlannedMethod]) -> LatencyWork? {
    guard case .here(let device) = planner.places[place.device] else { return nil }
    return LatencyWork(
      model: planner.models[place.model], device: device, precision: place.precision,
      batchSize: place.batchSize, timing: timing(place),
      trials: methods.map { planner.trials.latency(trial($0.setting, at: place), $0) },
      purpose: place.set)
  }
}
