import Records

/// Unique names for everything that a report shows.
///
/// Records contain the names that the user gave to weights, data sets and models, so two different
/// ones may have the same name: `model.safetensors` in two folders, `custom` with two depths. In
/// every table, figure and file of a report, the same thing has the same name, and different things
/// have different names.
struct DistinctNames {
  /// By digest.
  private var weights: [WeightsSetting: String] = [:]
  private var datasets: [DatasetID: String] = [:]
  private var models: [ModelIdentity: String] = [:]

  fileprivate struct DatasetID: Hashable {
    let name: String
    let images: Int
    let fingerprint: String
    /// Distinguishes the same images in a different order.
    let order: String?
  }

  /// - Parameters:
  ///   - paths: The paths of weights and data sets by digest or fingerprint, as far as they are
  ///     known.
  init(_ records: [Record], rows: [RowKey]?, paths: [String: String]) {
    var weights: Set<WeightsSetting> = []
    var datasets: Set<DatasetID> = []
    var models: Set<ModelIdentity> = []
    for record in records {
      let (model, dataset) = record.measurement.subjects
      models.insert(ModelIdentity(model))
      if let setting = model.weights { weights.insert(setting) }
      if let dataset { datasets.insert(DatasetID(dataset)) }
    }
    for row in rows ?? [] {
      models.insert(row.model)
      if let setting = row.place.weights { weights.insert(setting) }
      if let dataset = row.place.dataset { datasets.insert(DatasetID(dataset)) }
    }
    for (name, alike) in Dictionary(grouping: weights, by: \.name) where alike.count > 1 {
      let labels = Self.labels(alike.map(\.digest), name, paths)
      for setting in alike { self.weights[setting] = labels[setting.digest] }
    }
    // Subsets of a data set differ in their number of images, which is shown next to the name.
    let sets = Dictionary(grouping: datasets) { "\($0.images) \($0.name) \($0.order ?? "")" }
    for alike in sets.values where alike.count > 1 {
      let labels = Self.labels(alike.map(\.fingerprint), alike[0].name, paths)
      for dataset in alike { self.datasets[dataset] = labels[dataset.fingerprint] }
    }
    for (name, alike) in Dictionary(grouping: models, by: \.name) where alike.count > 1 {
      let keys = Set(alike.flatMap(\.architecture.keys)).filter { key in
        Set(alike.map { $0.architecture[key] }).count > 1
      }.sorted()
      for model in alike {
        let sizes = keys.map { "\($0)=\(model.architecture[$0]?.plainText ?? "–")" }
        self.models[model] = ([name] + sizes).joined(separator: " ")
      }
    }
  }

  /// A label for each digest: the shortest unique end of its path, or the name and the start of the
  /// digest.
  private static func labels(
    _ digests: [String], _ name: String, _ paths: [String: String]
  ) -> [String: String] {
    let parts = digests.compactMap { paths[$0]?.split(separator: "/") }
    let longest = parts.map(\.count).max() ?? 0
    if parts.count == digests.count, longest > 1 {
      for length in 2...longest {
        let ends = parts.map { $0.suffix(length).joined(separator: "/") }
        if Set(ends).count == ends.count {
          return Dictionary(uniqueKeysWithValues: zip(digests, ends))
        }
      }
    }
    return Dictionary(uniqueKeysWithValues: digests.map { ($0, "\(name) \($0.prefix(8))") })
  }

  private var isEmpty: Bool { weights.isEmpty && datasets.isEmpty && models.isEmpty }

  /// The records with distinct names.
  func renamed(_ records: [Record]) -> [Record] {
    guard !isEmpty else { return records }
    return records.map { record in
      var record = record
      switch record.measurement {
      case .accuracy(var trial, let result):
        rename(&trial)
        record.measurement = .accuracy(trial, result)
      case .failedAccuracy(var trial, let failure):
        rename(&trial)
        record.measurement = .failedAccuracy(trial, failure)
      case .latency(var trial, let result):
        trial.model = renamed(trial.model)
        record.measurement = .latency(trial, result)
      case .failedLatency(var trial, let failure):
        trial.model = renamed(trial.model)
        record.measurement = .failedLatency(trial, failure)
      }
      return record
    }
  }

  /// The row with distinct names.
  func renamed(_ row: RowKey) -> RowKey {
    var row = row
    row.place.weights = row.place.weights.map(renamed)
    row.place.dataset = row.place.dataset.map(renamed)
    if let name = models[row.model] { row.model = row.model.named(name) }
    return row
  }

  private func rename(_ trial: inout AccuracyTrial) {
    trial.model = renamed(trial.model)
    trial.dataset = renamed(trial.dataset)
  }

  private func renamed(_ setting: ModelSetting) -> ModelSetting {
    var renamed = setting
    renamed.name = models[ModelIdentity(setting)] ?? setting.name
    renamed.weights = setting.weights.map(self.renamed)
    return renamed
  }

  private func renamed(_ setting: WeightsSetting) -> WeightsSetting {
    weights[setting].map { WeightsSetting(name: $0, digest: setting.digest) } ?? setting
  }

  private func renamed(_ setting: DatasetSetting) -> DatasetSetting {
    var renamed = setting
    renamed.name = datasets[DatasetID(setting)] ?? setting.name
    return renamed
  }
}

extension DistinctNames.DatasetID {
  fileprivate init(_ setting: DatasetSetting) {
    self.init(
      name: setting.name, images: setting.images, fingerprint: setting.fingerprint,
      order: setting.order)
  }
}

extension DistinctNames {
  /// Whether names from two reports, each with its own unique names, mean the same thing.
  static func isSame(_ first: String, _ second: String) -> Bool {
    func isLonger(_ long: String, _ short: String) -> Bool {
      long.hasPrefix(short + " ") || long.hasSuffix("/" + short)
    }
    return first == second || isLonger(first, second) || isLonger(second, first)
  }
}

extension Record.Measurement {
  /// The model and the data set that were measured.
  fileprivate var subjects: (ModelSetting, DatasetSetting?) {
    switch self {
    case .accuracy(let trial, _), .failedAccuracy(let trial, _): (trial.model, trial.dataset)
    case .latency(let trial, _), .failedLatency(let trial, _): (trial.model, nil)
    }
  }
}

extension JSONValue {
  /// A string without quotes, or any other value as JSON.
  fileprivate var plainText: String { asString ?? text }
}
