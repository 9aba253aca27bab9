import Datasets
import Foundation
import Hub
import ImageCoding
import Records
import SimulatedDevices
import Support
import Tensors
import VisionModels

/// The machine for a spec: how devices, data sets and weights are opened.
///
/// The command line passes it in, because only it knows the backends.
package struct Site: Sendable {
  /// The kinds of device, and how each is opened.
  package var devices: DeviceKinds
  /// The weights of the demo model.
  package var demoWeights: @Sendable () throws -> URL
  /// The source of weights on the Hugging Face Hub; `nil` for none.
  package var hub: Hub?
  /// Whether missing weights are downloaded; otherwise, a plan says what would be downloaded.
  package var downloads = true
  /// Where hashes of pictures are kept between runs; `nil` keeps none.
  package var pictureHashes: URL?
  /// Receives a progress line for slow steps before anything is measured.
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
  /// A backend for a device by its name in a spec; `threads == nil` uses every core.
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
  /// The model as it appears in accuracy trials.
  package let setting: ModelSetting
  package let weights: WeightSource
  /// Remarks on the weight files, one clause each.
  package internal(set) var notes: [String]
  /// The spec's methods that have been resolved for it.
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

  /// The model as it appears in latency trials: latency does not depend on the weights.
  package var timedSetting: ModelSetting {
    var timed = setting
    timed.weights = nil
    return timed
  }

  /// The size of one image's tokens between two blocks, in bytes; 0 if there are none.
  var streamBytes: Int {
    guard let stage = info.stages.first, info.geometry != nil else { return 0 }
    return 4 * stage.tokens * stage.width
  }

  /// What is known about it without its weights.
  package var info: ModelInfo { choice.entry.info }
}

/// A data set of the plan, opened and counted.
package struct PlannedDataset {
  package let choice: DatasetChoice
  package let images: any ImageDataset
  /// SHA-256 of the pictures, their names and labels.
  package let fingerprint: String
  /// How the images were shuffled; `nil` if they were not.
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
  /// The model that predicts its latencies; `nil` if they are measured.
  package var simulation: CostModel?

  /// The device with the precision and engine of a trial.
  ///
  /// - Throws: `TensorsError.precisionUnavailable`; `ExperimentsError.impossible` for an unknown
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
