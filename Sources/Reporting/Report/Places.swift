import Records

/// Which tables there are: combinations of data sets and timing configurations for each model and
/// precision.
struct Places {
  let joined: JoinedRecords
  let rows: [RowKey]?

  struct Place {
    /// The group, still without rows.
    let group: RowGroup
    /// The methods measured with the model at this precision anywhere.
    let methods: Set<MethodSetting>
  }

  private struct ModelAt: Hashable {
    let model: ModelIdentity
    let precision: String
  }
  private struct Judged: Hashable {
    let weights: WeightsSetting?
    let dataset: DatasetSetting
  }
  private struct Timed: Hashable {
    let device: DeviceSetting
    let batchSize: Int
  }

  func groups() -> [Place] {
    var judged: [ModelAt: [Judged: Set<MethodSetting>]] = [:]
    var timed: [ModelAt: Set<Timed>] = [:]
    var methods: [ModelAt: Set<MethodSetting>] = [:]
    for key in joined.accuracies.keys {
      let model = ModelAt(model: key.model, precision: key.precision)
      let place = Judged(weights: key.weights, dataset: key.dataset)
      judged[model, default: [:]][place, default: []].insert(key.method)
      methods[model, default: []].insert(key.method)
    }
    for key in joined.latencies.keys {
      let model = ModelAt(model: key.model, precision: key.precision)
      timed[model, default: []].insert(Timed(device: key.device, batchSize: key.batchSize))
      methods[model, default: []].insert(key.method)
    }
    // Requested rows without measurements are shown as gaps.
    for row in rows ?? [] {
      let place = row.place
      guard let precision = place.precision else { continue }
      let model = ModelAt(model: row.model, precision: precision)
      methods[model, default: []].insert(row.method)
      if let device = place.device, let batchSize = place.batchSize {
        timed[model, default: []].insert(Timed(device: device, batchSize: batchSize))
      }
      if let dataset = place.dataset {
        let judge = Judged(weights: place.weights, dataset: dataset)
        judged[model, default: [:]][judge, default: []].insert(row.method)
      }
    }
    return methods.flatMap { model, methods in
      let datasets: [Judged?] = judged[model].map(withoutGrids) ?? [nil]
      let places: [Timed?] = timed[model].map { $0.map { $0 } } ?? [nil]
      return datasets.flatMap { judged in
        places.map { timed in
          Place(
            group: RowGroup(
              model: model.model, weights: judged?.weights, dataset: judged?.dataset,
              device: timed?.device, batchSize: timed?.batchSize, precision: model.precision,
              rows: []), methods: methods)
        }
      }
    }
  }

  /// Data sets on which only the grid was evaluated have no table if there are others.
  private func withoutGrids(_ judged: [Judged: Set<MethodSetting>]) -> [Judged?] {
    let compared = judged.filter { _, methods in
      !methods.allSatisfy { joined.catalog.isGrid($0) || joined.catalog.isBaseline($0) }
    }
    return (compared.isEmpty ? judged : compared).keys.map { $0 }
  }
}
