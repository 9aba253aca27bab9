import Measurement
import Records

/// Predictions of one model on one data set: shards of images times methods.
///
/// The images of a shard are decoded once for all methods.
package struct AccuracyWork {
  package let model: PlannedModel
  package let dataset: PlannedDataset
  package let device: PlannedDevice
  package let precision: String
  package let batchSize: Int
  /// First image and image count of each shard.
  package let shards: [Range<Int>]
  /// One entry per method, in the order of the report's rows.
  package let methods: [Method]

  /// A method with its trials on each shard, or on the first ones if it stops early.
  package struct Method {
    package let method: PlannedMethod
    package let trials: [PlannedAccuracy]
  }

  package var trials: [PlannedAccuracy] { methods.flatMap(\.trials) }

  /// The work without the methods whose trials are all excluded.
  ///
  /// Labels name shards, so a pattern may name them too; a method is kept if any of its shards is.
  func keeping(_ isKept: (AccuracyTrial) -> Bool) -> AccuracyWork {
    AccuracyWork(
      model: model, dataset: dataset, device: device, precision: precision, batchSize: batchSize,
      shards: shards, methods: methods.filter { $0.trials.contains { isKept($0.trial) } })
  }
}

/// How a data set is divided into shards.
enum Shards {
  /// The maximum number of images of a shard, which a kill can lose.
  static let maxImages = 250
  /// The maximum memory for a shard's decoded images, in bytes of 8-bit pixels.
  static let maxBytes = 1 << 27

  /// First image and image count of each shard.
  ///
  /// The same for every run of a spec, because shards are part of a record's key.
  static func ranges(of model: PlannedModel, on dataset: PlannedDataset) -> [Range<Int>] {
    let bytesOfImage = model.choice.entry.preprocessing.elementCount
    let size = max(1, min(maxImages, maxBytes / bytesOfImage))
    guard dataset.order == nil else {
      return RaceBatches.ranges(images: dataset.images.count, most: size)
    }
    return stride(from: 0, to: dataset.images.count, by: size).map {
      $0..<min($0 + size, dataset.images.count)
    }
  }
}

/// Timings of one model on one device at one batch size, to be interleaved.
package struct LatencyWork {
  package let model: PlannedModel
  package let device: PlannedDevice
  package let precision: String
  package let batchSize: Int
  package let timing: TimingSetting
  /// One trial per method, in the order of the report's rows.
  package let trials: [PlannedLatency]
  package let purpose: Purpose

  /// The purpose of the timings.
  package enum Purpose: String, Hashable, Sendable {
    case rows = "latency"
    /// Random removal at every token count.
    case grid = "latency grid"
    /// The settings from which a target chooses one.
    case candidates = "latency of candidates"
    /// The settings from which the one as fast as another method's is chosen.
    case match = "latency match"
  }

  /// The work without the excluded trials.
  func keeping(_ isKept: (LatencyTrial) -> Bool) -> LatencyWork {
    LatencyWork(
      model: model, device: device, precision: precision, batchSize: batchSize, timing: timing,
      trials: trials.filter { isKept($0.trial) }, purpose: purpose)
  }
}

/// A row of the report: a requested method in one configuration.
package struct PlannedRow: Codable, Hashable, Sendable {
  package var model: ModelSetting
  package var method: MethodSetting
  /// Why the method has its parameters; `nil` if the spec gives them.
  package var reason: RowReason?
  /// `nil` where accuracy is not measured.
  package var dataset: DatasetSetting?
  /// `nil` where latency is not measured.
  package var device: DeviceSetting?
  /// `nil` where latency is not measured.
  package var batchSize: Int?
  package var precision: String
  /// The control, random removal at the row's own token counts, which is another row; `nil` without
  /// one.
  package var control: MethodSetting?
  /// The progress of its race; `nil` if every image is classified.
  package var race: RaceStanding?

  enum CodingKeys: String, CodingKey {
    case model, method, reason, dataset, device, precision, control, race
    case batchSize = "batch_size"
  }
}

extension PlannedRow {
  /// The keys in which earlier versions stored the reason: the weight of latency, and text.
  private enum EarlierKeys: String, CodingKey { case alpha, origin }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let earlier = try decoder.container(keyedBy: EarlierKeys.self)
    self.init(
      model: try values.decode(ModelSetting.self, forKey: .model),
      method: try values.decode(MethodSetting.self, forKey: .method),
      reason: try values.decodeIfPresent(RowReason.self, forKey: .reason)
        ?? earlier.decodeIfPresent(Double.self, forKey: .alpha).map(RowReason.alpha)
        ?? earlier.decodeIfPresent(String.self, forKey: .origin).map(RowReason.text),
      dataset: try values.decodeIfPresent(DatasetSetting.self, forKey: .dataset),
      device: try values.decodeIfPresent(DeviceSetting.self, forKey: .device),
      batchSize: try values.decodeIfPresent(Int.self, forKey: .batchSize),
      precision: try values.decode(String.self, forKey: .precision),
      control: try values.decodeIfPresent(MethodSetting.self, forKey: .control),
      race: try values.decodeIfPresent(RaceStanding.self, forKey: .race))
  }
}
