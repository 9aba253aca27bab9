import OrderedCollections
import Records
import TokenReduction

/// Collects the work of one plan: each method once in each place.
struct PlanBuilder {
  private let planner: Planner
  private let result: (String) -> Record?
  private let givenUp: Set<String>
  private var plan = Plan()
  private var accuracy: OrderedDictionary<AccuracyPlace, OrderedSet<MethodSetting>> = [:]
  private var latency: OrderedDictionary<LatencyPlace, OrderedSet<MethodSetting>> = [:]

  /// Predictions that share decoded images.
  private struct AccuracyPlace: Hashable {
    let model: Int
    let dataset: DatasetSetting
    let precision: String
  }
  /// Timings that are interleaved.
  private struct LatencyPlace: Hashable {
    let model: Int
    let device: Int
    let precision: String
    let batchSize: Int
    let isGrid: Bool
  }
  private var datasets: [DatasetSetting: PlannedDataset] = [:]
  /// Places whose search has not ended.
  private var waiting: Set<LatencyPlace> = []

  init(planner: Planner, result: @escaping (String) -> Record?, givenUp: Set<String>) {
    self.planner = planner
    self.result = result
    self.givenUp = givenUp
  }

  mutating func build() throws -> Plan {
    for model in planner.models.indices {
      for dataset in planner.datasets(for: planner.models[model]) {
        for precision in planner.spec.precisions {
          if planner.spec.latency == nil {
            try add(model, dataset, place: nil, precision)
          } else {
            for device in planner.devices.indices {
              for batchSize in planner.spec.batchSizes {
                let place = LatencyPlace(
                  model: model, device: device, precision: precision, batchSize: batchSize,
                  isGrid: false)
                try add(model, dataset, place: place, precision)
              }
            }
          }
        }
      }
    }
    plan.accuracy = accuracy.compactMap { place, methods in
      datasets[place.dataset].map { work(place, $0, methods) }
    }
    for (place, methods) in latency {
      if waiting.contains(place) {
        plan.waiting.append(work(place, methods))
      } else {
        plan.latency.append(work(place, methods))
      }
    }
    return plan
  }

  private func work(
    _ place: AccuracyPlace, _ dataset: PlannedDataset, _ methods: OrderedSet<MethodSetting>
  ) -> AccuracyWork {
    AccuracyWork(
      model: planner.models[place.model], dataset: dataset, device: planner.devices[0],
      precision: place.precision, batchSize: planner.spec.accuracy.batchSize,
      methods: Array(methods))
  }

  private func work(_ place: LatencyPlace, _ methods: OrderedSet<MethodSetting>) -> LatencyWork {
    let standard = TimingSetting(warmup: 0, minSeconds: 0, minSamples: 1)
    return LatencyWork(
      model: planner.models[place.model], device: planner.devices[place.device],
      precision: place.precision, batchSize: place.batchSize,
      timing: place.isGrid ? planner.spec.grid.timing : planner.spec.latency ?? standard,
      methods: Array(methods), isGrid: place.isGrid)
  }

  /// Adds the methods of the spec for one model, data set, device and batch size.
  private mutating func add(
    _ model: Int, _ dataset: (full: PlannedDataset, grid: PlannedDataset?)?,
    place: LatencyPlace?, _ precision: String
  ) throws {
    let planned = planner.models[model]
    var searched: [MethodChoice] = []
    var utility: TailEffectUtility?
    if let place, let grid = dataset?.grid,
      planner.spec.methods.contains(where: { $0.alpha != nil })
    {
      utility = search(model, grid, place, precision)
      if utility == nil { waiting.insert(place) }
    }
    for choice in planner.spec.methods {
      var r: Int?
      if let alpha = choice.alpha {
        guard let best = utility?.bestTokens(alpha: alpha) else {
          searched.append(choice)
          continue
        }
        r = planned.architecture.geometry.tokens - best
      }
      let method = try planner.setting(choice, r: r, planned)
      if let dataset { addAccuracy(model, dataset.full, precision, method) }
      if let place { latency[place, default: []].append(method) }
      plan.rows.append(
        PlannedRow(
          model: planned.setting, method: method,
          origin: choice.alpha.map { "α=\(JSONValue.number($0).shortText)" },
          dataset: dataset?.full.setting(planned.choice.entry.imagePreprocessing),
          device: place.map { planner.devices[$0.device].setting }, batchSize: place?.batchSize,
          precision: precision))
    }
    if let place, !searched.isEmpty {
      plan.pending.append(
        PendingSearch(
          model: planned, device: planner.devices[place.device], precision: precision,
          batchSize: place.batchSize, choices: searched, missing: missing(place, dataset?.grid)))
    }
  }

  private mutating func addAccuracy(
    _ model: Int, _ dataset: PlannedDataset, _ precision: String, _ method: MethodSetting
  ) {
    let setting = dataset.setting(planner.models[model].choice.entry.imagePreprocessing)
    datasets[setting] = dataset
    let place = AccuracyPlace(model: model, dataset: setting, precision: precision)
    accuracy[place, default: []].append(method)
  }

  // MARK: The tail-effect search

  /// Adds the grids of a search, and joins them once every point is recorded or given up.
  private mutating func search(
    _ model: Int, _ dataset: PlannedDataset, _ place: LatencyPlace, _ precision: String
  ) -> TailEffectUtility? {
    let geometry = planner.models[model].architecture.geometry
    let gridPlace = gridPlace(place)
    let seed = planner.spec.seed
    var latencyByTokens: [Int: Double] = [:]
    var accuracyByTokens: [Int: Double] = [:]
    var isComplete = true
    for tokens in planner.spec.grid.tokenCounts(geometry) {
      let timed = SearchGrid.method(tokens: tokens, seed: seed, geometry)
      let judged = SearchGrid.accuracyMethod(tokens: tokens, seed: seed, geometry)
      latency[gridPlace, default: []].append(timed)
      addAccuracy(model, dataset, precision, judged)
      let timing = GridReader(result: result, givenUp: givenUp)
      switch timing.latency(work(gridPlace, []).trial(timed)) {
      case .value(let median): latencyByTokens[tokens] = median
      case .missing: isComplete = false
      case .givenUp: break
      }
      switch timing.accuracy(accuracyTrials(model, dataset, precision, judged)) {
      case .value(let share): accuracyByTokens[tokens] = share
      case .missing: isComplete = false
      case .givenUp: break
      }
    }
    guard isComplete else { return nil }
    return TailEffectUtility(
      latencyByTokens: latencyByTokens, accuracyByTokens: accuracyByTokens)
  }

  private func gridPlace(_ place: LatencyPlace) -> LatencyPlace {
    LatencyPlace(
      model: place.model, device: place.device, precision: place.precision,
      batchSize: place.batchSize, isGrid: true)
  }

  private func accuracyTrials(
    _ model: Int, _ dataset: PlannedDataset, _ precision: String, _ method: MethodSetting
  ) -> [PlannedAccuracy] {
    let setting = dataset.setting(planner.models[model].choice.entry.imagePreprocessing)
    let place = AccuracyPlace(model: model, dataset: setting, precision: precision)
    return work(place, dataset, [method]).trials
  }

  /// Grid trials of a place that have no result yet.
  private func missing(_ place: LatencyPlace, _ dataset: PlannedDataset?) -> Int {
    let geometry = planner.models[place.model].architecture.geometry
    let seed = planner.spec.seed
    var keys: Set<String> = []
    for tokens in planner.spec.grid.tokenCounts(geometry) {
      keys.insert(
        work(gridPlace(place), []).trial(SearchGrid.method(tokens: tokens, seed: seed, geometry))
          .key)
      guard let dataset else { continue }
      let judged = SearchGrid.accuracyMethod(tokens: tokens, seed: seed, geometry)
      keys.formUnion(
        accuracyTrials(place.model, dataset, place.precision, judged).map(\.key))
    }
    return keys.count { result($0) == nil }
  }
}
