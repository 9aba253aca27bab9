import Datasets
import Foundation
import Records
import Support
import Tensors
import TokenReduction
import VisionModels

/// Turns a spec into trials, and into further trials once the grids of a search are recorded.
///
/// Opening a planner opens devices, data sets and weight files; planning itself accesses nothing.
package final class Planner {
  package let spec: Spec
  package private(set) var models: [PlannedModel]
  /// The devices of this machine, at least one: accuracy is computed on the first.
  package let devices: [PlannedDevice]
  /// The devices whose latency is requested.
  let places: [DevicePlace]
  let datasets: [PlannedDataset]
  private let gridDatasets: [PlannedDataset]
  /// The data sets in random order, for races.
  private let raceDatasets: [PlannedDataset]
  let trials = PlannedTrials()
  let ledger = RaceLedger()

  /// Opens everything that the spec names.
  ///
  /// - Parameter recorded: Devices of the records in the results folder. Errors:
  ///   `ExperimentsError.impossible` if the spec is not possible on this machine, and the errors of
  ///   backends and data sets.
  package init(_ spec: Spec, site: Site, recorded: [DeviceSetting] = []) throws {
    self.spec = spec
    let weights = WeightsOpener(
      source: spec.source, seed: spec.seed, demoWeights: site.demoWeights, hub: site.hub,
      downloads: site.downloads)
    models = try spec.models.map(weights.open)
    places = try spec.devices.enumerated().flatMap { index, choice in
      try Self.places(
        of: choice, path: spec.devices.count == 1 ? "device" : "device[\(index)]", spec, site,
        recorded)
    }
    let devices = places.compactMap { place in
      if case .here(let device) = place, device.simulation == nil { device } else { nil }
    }
    // If none can be opened, there is nothing to do; the CPU never replaces a GPU.
    if devices.isEmpty, case .unavailable(let setting, let reason)? = places.first {
      throw ExperimentsError.noDevice(name: setting.name, reason: reason)
    }
    self.devices =
      devices.isEmpty ? [try Self.openStandard(site)] : devices
    let opener = DatasetOpener(
      source: spec.source, seed: spec.seed,
      fingerprint: ContentFingerprint(
        cacheFolder: site.pictureHashes, progress: site.progress))
    let isNeeded = spec.accuracy.mode != .no && spec.models.contains(where: \.isTrained)
    let searches = spec.methods.contains { $0.search?.needsAccuracy == true }
    datasets =
      try isNeeded
      ? spec.datasets.map { choice in
        try Self.named(choice.path, of: spec) {
          try opener.open(
            choice, images: spec.accuracy.images, isShuffled: spec.accuracy.until != nil)
        }
      } : []
    raceDatasets =
      try isNeeded && spec.matchedDrop != nil
      ? spec.datasets.map {
        try opener.open($0, images: spec.accuracy.images, isShuffled: true)
      } : []
    gridDatasets =
      try isNeeded && searches
      ? spec.datasets.map { try opener.open($0, images: spec.grid.images) } : []
    for dataset in datasets {
      for model in models where model.choice.isTrained {
        try Self.check(dataset, model, spec)
      }
    }
    // Last, because a data set with other classes is a more likely mistake than weights with other
    // sizes.
    models = try models.map(weights.fitted)
  }

  /// The device that an entry of the spec names, once for each number of threads and each engine.
  private static func places(
    of choice: DeviceChoice, path: String, _ spec: Spec, _ site: Site, _ recorded: [DeviceSetting]
  ) throws -> [DevicePlace] {
    switch choice {
    case .here(let name):
      do {
        return try spec.threads.flatMap { threads in
          try engines(of: name, spec, site).map { engine in
            .here(
              try named(path, of: spec) {
                try open(name, threads: threads, engine: engine, site)
              })
          }
        }
      } catch  where spec.devices.count > 1 && site.devices.kind(of: name)?.isAlwaysPresent != true
      {
        // The others are still measured.
        return [
          .unavailable(DeviceSetting(name: name, hardware: "", threads: 0), reason: "\(error)")
        ]
      }
    case .simulated(let choice):
      return [
        .here(
          try named(path, of: spec) {
            try PlannedDevice.simulated(choice) { spec.source.path($0, ofKey: "device") }
          })
      ]
    case .recorded(let text):
      return [.recorded(try find(text, in: recorded, spec))]
    }
  }

  /// Prefixes the errors of `body` with the location in the spec.
  private static func named<Value>(
    _ path: String, of spec: Spec, _ body: () throws -> Value
  ) throws -> Value {
    do {
      return try body()
    } catch ExperimentsError.interrupted {
      throw ExperimentsError.interrupted
    } catch let flaw as KeyFlaw {
      throw ExperimentsError.impossible(
        subject: spec.source.place(of: "\(path).\(flaw.key)"), message: flaw.message)
    } catch ExperimentsError.noDevice(let name, let reason) {
      // The location already says that it is a device.
      throw ExperimentsError.impossible(
        subject: spec.source.place(of: path), message: "\"\(name)\": \(reason)")
    } catch {
      throw ExperimentsError.impossible(
        subject: spec.source.place(of: path), message: "\(error)")
    }
  }

  /// The engines that a device is measured with; a device without a choice has a second one for the
  /// approximate GELU.
  private static func engines(of name: String, _ spec: Spec, _ site: Site) -> [String] {
    let hasChoice = site.devices.kind(of: name).map { !$0.engines.isEmpty } ?? false
    if hasChoice { return spec.engines }
    return spec.gelus.map { $0 == "tanh" ? "tanh_gelu" : DeviceKind.automaticEngine }
  }

  /// The device that computes accuracy if the spec names no device of this machine.
  private static func openStandard(_ site: Site) throws -> PlannedDevice {
    try open(
      site.devices.standard.name, threads: nil, engine: DeviceKind.automaticEngine, site)
  }

  private static func open(
    _ name: String, threads: Int?, engine: String, _ site: Site
  ) throws -> PlannedDevice {
    let backend = try site.devices.open(name, threads: threads).using(engine: engine)
    return PlannedDevice(
      backend: backend,
      setting: DeviceSetting(
        name: name, hardware: backend.hardware, threads: backend.threads, engine: backend.engine))
  }

  /// The only recorded device whose hardware name contains `text`.
  private static func find(
    _ text: String, in recorded: [DeviceSetting], _ spec: Spec
  ) throws -> DeviceSetting {
    let found = recorded.filter { $0.hardware.lowercased().contains(text.lowercased()) }
    guard found.count != 1 else { return found[0] }
    func list(_ devices: [DeviceSetting]) -> String {
      devices.map { "\"\($0.hardware)\" (\($0.name), \($0.threads) threads)" }
        .joined(separator: ", ")
    }
    let message =
      found.count > 1
      ? "\"\(text)\" could be \(list(found)); name it in full"
      : recorded.isEmpty
        ? "no latency is recorded in the results folder; copy the other machine's .jsonl files there"
        : "\"\(text)\" is not recorded in the results folder; recorded are \(list(recorded))"
    throw ExperimentsError.impossible(
      subject: spec.source.place(of: "device"), message: message)
  }

  /// The most common cause of 0 % accuracy: labels of a different set of classes.
  private static func check(
    _ dataset: PlannedDataset, _ model: PlannedModel, _ spec: Spec
  ) throws {
    let classes = dataset.images.classNames.count
    try checkOrder(dataset, model, spec)
    guard classes != model.info.classes else { return }
    if dataset.choice.kind.mayLackClasses, classes < model.info.classes { return }
    throw ExperimentsError.impossible(
      subject: spec.source.place(of: dataset.choice.path),
      message: dataset.choice.kind.correction(
        classNames: dataset.images.classNames, modelClasses: model.info.classes)
        ?? "\(dataset.images.name) has \(counted(classes, "class", "classes")) and \(model.setting.name) has "
        + "\(model.info.classes); name the data set that it was trained on, or give "
        + "each folder's class with \"classes\": {\"FOLDER\": NUMBER, …}"
        + (model.choice.weights.isFiles
          ? "; weights that were trained on these classes need "
            + "\"architecture\": {\"num_classes\": \(classes)}" : ""))
  }

  /// Folders that are named as the model's classes are, in another order than the model's
  /// configuration gives.
  private static func checkOrder(
    _ dataset: PlannedDataset, _ model: PlannedModel, _ spec: Spec
  ) throws {
    let (found, known) = (dataset.images.classNames, model.choice.entry.classNames)
    guard found != known, Set(found) == Set(known),
      let place = found.indices.first(where: { found[$0] != known[$0] })
    else { return }
    func quoted(_ name: String) -> String { JSONValue.string(name).text }
    let names = known.prefix(8).map(quoted).joined(separator: ", ")
    throw ExperimentsError.impossible(
      subject: spec.source.place(of: dataset.choice.path),
      message: "class \(place) of \(dataset.images.name) is \(quoted(found[place])), "
        + "and that of \(model.setting.name) is \(quoted(known[place])) by its "
        + "config.json; give the folders in that order: \"classes\": [\(names)"
        + (known.count > 8 ? ", …]" : "]"))
  }

  /// The trials of the spec.
  ///
  /// - Parameters:
  ///   - result: Returns a recorded result by its key.
  ///   - givenUp: Keys of trials that failed; a search continues without them.
  ///   - records: Every record there is, for devices of other machines.
  package func plan(
    result: @escaping (String) -> Record?, givenUp: Set<String> = [], records: [Record] = []
  ) throws -> Plan {
    let timings = RecordedTimings(places.isHereOnly ? [] : records)
    var builder = PlanBuilder(
      planner: self, reader: GridReader(result: result, givenUp: givenUp), timings: timings)
    return try builder.build()
  }

  /// The data sets for a model's accuracy, each with the one for its grids and the one in random
  /// order.
  ///
  /// One `nil` if accuracy is not measured.
  func datasets(
    for model: PlannedModel
  ) -> [(full: PlannedDataset, grid: PlannedDataset?, race: PlannedDataset?)?] {
    guard model.choice.isTrained, !datasets.isEmpty else { return [nil] }
    return datasets.indices.map {
      (
        datasets[$0], gridDatasets.indices.contains($0) ? gridDatasets[$0] : nil,
        raceDatasets.indices.contains($0) ? raceDatasets[$0] : nil
      )
    }
  }
}
