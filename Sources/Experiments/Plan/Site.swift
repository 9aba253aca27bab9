import Datasets
import Foundation
import Hub
import ImageCoding
import Records
import SimulatedDevices
import Support
import Tensors
import VisionModels

/// Where a spec meets a machine: how devices, data sets and weights are opened.
///
/// The command line hands it in, since it alone knows which backends there are.
package struct Site: Sendable {
  /// The kinds of device, and how each is opened.
  package var devices: DeviceKinds
  /// The weights of the demo model.
  package var demoWeights: @Sendable () throws -> URL
  /// Where weights of the Hugging Face Hub come from; `nil` has none.
  package var hub: Hub?
  /// Whether weights that are not here are downloaded; else a plan says what would be.
  package var downloads = true
  /// Where hashes of pictures are kept between runs; `nil` keeps none.
  package var pictureHashes: URL?
  /// Receives a line for what takes long before anything is measured.
  package var progress: @Sendable (String) -> Void

  package init(
    devices: DeviceKinds, demoWeights: @escaping @Sendable () throws -> URL, hub: Hub? = nil,
    pictureHashes: URL? = nil,
    progress: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.hub = hub
    self.pictureHashes = pictureHashes
    self.progress = progress
    self.devices = devices
    self.demoWeights = demoWeights
  }
}

extension DeviceKinds {
  /// A backend for a device as a spec spells it; `threads == nil` takes every core.
  ///
  /// - Throws: `ExperimentsError.noDevice`; what is wrong with a device that every machine has.
  package func open(_ device: String, threads: Int?) throws -> any Backend {
    guard let kind = self.kind(of: device) else {
      throw ExperimentsError.noDevice(
        name: device, reason: "is not a device; it must be \(expectation)")
    }
    do {
      return try kind.open(device, threads)
    } catch  where !kind.isAlwaysPresent {
      throw ExperimentsError.noDevice(
        name: device, reason: "\(error); `lab devices` lists what is here")
    }
  }
}

/// A model of the plan, with its weights named and hashed.
package struct PlannedModel {
  package let choice: ModelChoice
  /// As it appears in accuracy trials.
  package let setting: ModelSetting
  package let weights: WeightSource
  /// What a person should know of the files of weights, one clause each.
  package internal(set) var notes: [String]
  /// What of the spec's methods has been resolved for it.
  let methods: PlannedMethods

  init(
    choice: ModelChoice, setting: ModelSetting, weights: WeightSource, notes: [String] = []
  ) {
    self.notes = notes
    self.choice = choice
    self.setting = setting
    self.weights = weights
    methods = PlannedMethods(choice.entry)
  }

  /// As it appears in latency trials: time does not depend on what the weights are.
  package var timedSetting: ModelSetting {
    var timed = setting
    timed.weights = nil
    return timed
  }

  /// Bytes of one image's tokens between two blocks; 0 where there are none.
  var streamBytes: Int {
    guard let stage = info.stages.first, info.geometry != nil else { return 0 }
    return 4 * stage.tokens * stage.width
  }

  /// What is known of it without its weights.
  package var info: ModelInfo { choice.entry.info }
}

/// A data set of the plan, opened and counted.
package struct PlannedDataset {
  package let choice: DatasetChoice
  package let images: any ImageDataset
  /// SHA-256 of the pictures, their names and labels.
  package let fingerprint: String
  /// How the images were shuffled; `nil` where they were not.
  package var order: String?

  /// As it appears in trials of a model that prepares images in this way.
  package func setting(_ preprocessing: Preprocessing) -> DatasetSetting {
    DatasetSetting(
      name: images.name, layout: images.layout, fingerprint: fingerprint, images: images.count,
      classes: images.classNames.count, preprocessing: preprocessing.text, order: order)
  }
}

/// A device of the plan, opened.
package struct PlannedDevice {
  package let backend: any Backend
  package let setting: DeviceSetting
  /// What predicts its latencies; `nil` where they are measured.
  package var simulation: CostModel?

  /// The device computing as a trial says.
  ///
  /// - Throws: `TensorsError.precisionUnavailable`; `ExperimentsError.impossible` for what is no
  ///   precision.
  package func backend(precision: String) throws -> any Backend {
    guard let known = Precision(rawValue: precision) else {
      throw ExperimentsError.impossible(
        subject: "precision \"\(precision)\"",
        message: "is not known; it must be "
          + series(Precision.allCases.map { "\"\($0.rawValue)\"" }, "or"))
    }
    return try backend.computing(at: known)
  }
}
