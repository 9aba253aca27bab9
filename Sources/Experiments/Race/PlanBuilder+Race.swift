import Measurement
import OrderedCollections
import Records
import TokenReduction

extension PlanBuilder {
  /// Enters a row's method into the race of its table.
  mutating func enter(_ method: PlannedMethod, on dataset: PlannedDataset, _ table: Table) {
    let place = accuracyPlace(dataset, table)
    datasets[place.dataset] = dataset
    entered[place, default: [:]][method, default: []].formUnion(table.place.map { [$0] } ?? [])
  }

  /// Requests a method's first batches of a data set.
  mutating func ask(
    _ method: PlannedMethod, batches: Int, of dataset: PlannedDataset, at place: AccuracyPlace
  ) {
    datasets[place.dataset] = dataset
    let known = batchesAsked[place]?[method] ?? 0
    batchesAsked[place, default: [:]][method] = max(known, batches)
  }

  /// Adds what the races need next, and notes in their rows which methods have stopped.
  mutating func race() {
    for (place, methods) in entered {
      guard let dataset = datasets[place.dataset], let until = planner.spec.accuracy.until else {
        continue
      }
      let entrants = methods.map { method, places in
        Race.Entrant(
          method: method, trials: trials(of: method, at: place, dataset),
          latencies: Dictionary(
            uniqueKeysWithValues: places.map { ($0, known(latencyOf: method, at: $0)) }))
      }
      let race = Race(
        entrants: entrants, images: dataset.images.count, until: until / 100,
        ledger: planner.ledger, result: reader.result, givenUp: reader.givenUp)
      let outcomes = race.outcomes()
      var standings: [MethodSetting: RaceStanding] = [:]
      for (entrant, outcome) in zip(entrants, outcomes) {
        ask(entrant.method, batches: outcome.batches, of: dataset, at: place)
        standings[entrant.method.setting] = RaceStanding(untilPoints: until, stop: outcome.stop)
        if outcome.stop == nil { plan.racing += 1 }
      }
      let model = planner.models[place.model].setting
      for index in plan.rows.indices
      where plan.rows[index].dataset == place.dataset && plan.rows[index].model == model
        && plan.rows[index].precision == place.precision && plan.rows[index].race == nil
      {
        plan.rows[index].race = standings[plan.rows[index].method]
      }
    }
  }

  /// The work for all requested batches.
  func batchWork() -> [AccuracyWork] {
    batchesAsked.compactMap { place, asked in
      guard let dataset = datasets[place.dataset] else { return nil }
      let all = work(place, dataset, Array(asked.keys))
      let most = asked.values.max() ?? 0
      return AccuracyWork(
        model: all.model, dataset: all.dataset, device: all.device, precision: all.precision,
        batchSize: all.batchSize, shards: Array(all.shards.prefix(most)),
        methods: all.methods.map { method in
          AccuracyWork.Method(
            method: method.method,
            trials: Array(method.trials.prefix(asked[method.method] ?? 0)))
        })
    }
  }

  func trials(
    of method: PlannedMethod, at place: AccuracyPlace, _ dataset: PlannedDataset
  ) -> [PlannedAccuracy] {
    work(place, dataset, [method]).methods[0].trials
  }

  /// The median of a recorded, reliable timing.
  private func known(latencyOf method: PlannedMethod, at place: LatencyPlace) -> Double? {
    let trial = trial(method.setting, at: place)
    switch planner.places[place.device] {
    case .here:
      if case .value(let median) = reader.latency(planner.trials.latency(trial, method)) {
        return median
      }
      return nil
    case .recorded: return timings.median(trial)
    case .unavailable: return nil
    }
  }
}
