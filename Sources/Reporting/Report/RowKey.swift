import Records

/// One requested row of a report: a method of a model, for one table or all.
package struct RowKey: Hashable, Sendable {
  package internal(set) var model: ModelIdentity
  package let method: MethodSetting
  /// Why the method has its parameters; shown before them.
  package let reason: RowReason?
  /// Random removal at the method's token counts, which is a row of its own; `nil` without a
  /// control.
  package let control: MethodSetting?
  /// How its accuracy was measured in a race; `nil` if every image was classified.
  package let race: RaceStanding?
  /// Which tables it belongs to: R may be chosen for each device and batch size.
  package internal(set) var place: RowPlace

  /// Identifies a row; the weights of `model` are ignored.
  package init(
    model: ModelSetting, method: MethodSetting, reason: RowReason? = nil,
    control: MethodSetting? = nil, race: RaceStanding? = nil, place: RowPlace = RowPlace()
  ) {
    self.race = race
    self.control = control
    self.model = ModelIdentity(model)
    self.method = method
    self.reason = reason
    self.place = place
  }
}

/// The tables that a row belongs to: those that match everything that is not `nil`.
package struct RowPlace: Hashable, Sendable {
  package var weights: WeightsSetting?
  package var dataset: DatasetSetting?
  package var device: DeviceSetting?
  package var batchSize: Int?
  package var precision: String?

  package init(
    weights: WeightsSetting? = nil, dataset: DatasetSetting? = nil, device: DeviceSetting? = nil,
    batchSize: Int? = nil, precision: String? = nil
  ) {
    self.weights = weights
    self.dataset = dataset
    self.device = device
    self.batchSize = batchSize
    self.precision = precision
  }

  /// Whether rows of this place belong to `group`.
  ///
  /// A table without accuracies has no weights and data set that could differ, and one without
  /// latencies has no device: they accept every row of the model.
  func includes(_ group: RowGroup) -> Bool {
    func agrees<Value: Equatable>(_ wanted: Value?, _ found: Value?) -> Bool {
      wanted == nil || found == nil || wanted == found
    }
    return agrees(weights, group.weights) && agrees(dataset, group.dataset)
      && agrees(device, group.device) && agrees(batchSize, group.batchSize)
      && agrees(precision, group.precision)
  }
}
