import Records
import TokenReduction

/// One accuracy trial with its key.
package struct PlannedAccuracy {
  package let trial: AccuracyTrial
  package let key: String

  init(_ trial: AccuracyTrial) {
    self.init(trial, key: RecordLine.key(of: trial))
  }

  init(_ trial: AccuracyTrial, key: String) {
    self.trial = trial
    self.key = key
  }
}

/// One latency trial with its key.
package struct PlannedLatency {
  package let trial: LatencyTrial
  package let key: String

  init(_ trial: LatencyTrial) {
    self.trial = trial
    key = RecordLine.key(of: trial)
  }
}

/// Predictions of one model on one data set: shards of images times methods.
///
/// The images of a shard are decoded once for all methods.
package struct AccuracyWork {
  package let model: PlannedModel
  package let dataset: PlannedDataset
  package let device: PlannedDevice
  package let precision: String
  package let batchSize: Int
  package let methods: [MethodSetting]

  /// The most images of a shard: what a kill costs at most.
  package static let shardImages = 250
  /// The most memory that a shard's decoded images may take, in bytes of 8-bit pixels.
  package static let shardBytes = 1 << 27

  /// First image and image count of each shard.
  ///
  /// The same for every run of a spec, since shards are part of a record's key.
  package var shards: [Range<Int>] {
    let bytesOfImage = model.choice.entry.imagePreprocessing.elementCount
    let most = max(1, min(Self.shardImages, Self.shardBytes / bytesOfImage))
    return stride(from: 0, to: dataset.images.count, by: most).map {
      $0..<min($0 + most, dataset.images.count)
    }
  }

  /// The trial of a method on a shard.
  package func trial(_ method: MethodSetting, _ shard: Range<Int>) -> PlannedAccuracy {
    PlannedAccuracy(
      AccuracyTrial(
        model: model.setting, method: method,
        dataset: dataset.setting(model.choice.entry.imagePreprocessing), precision: precision,
        firstImage: shard.lowerBound, imageCount: shard.count,
        batchSize: dependsOnBatch(method) ? batchSize : nil))
  }

  private func dependsOnBatch(_ method: MethodSetting) -> Bool {
    let composition = try? model.choice.entry.composition(for: method)
    return composition?.dependsOnBatch == true
  }

  package var trials: [PlannedAccuracy] { trialsByShard.flatMap(\.trials) }

  /// The trials of all methods on each shard.
  package var trialsByShard: [(shard: Range<Int>, trials: [PlannedAccuracy])] {
    let shards = shards
    let byMethod = methods.map { trials($0, shards) }
    return shards.indices.map { index in (shards[index], byMethod.map { $0[index] }) }
  }

  /// The trials of a method, whose keys differ in the shard alone: a sweep over ImageNet has
  /// 20,000.
  private func trials(_ method: MethodSetting, _ shards: [Range<Int>]) -> [PlannedAccuracy] {
    guard let first = shards.first else { return [] }
    var trial = trial(method, first).trial
    let keys = RecordLine.ShardKeys(trial)
    return shards.map { shard in
      trial.firstImage = shard.lowerBound
      trial.imageCount = shard.count
      return PlannedAccuracy(trial, key: keys.key(shard))
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
  package let methods: [MethodSetting]
  package let purpose: Purpose

  /// What the timings are for.
  package enum Purpose: String, Hashable, Sendable {
    case rows = "latency"
    /// Random removal at every token count.
    case grid = "latency grid"
    /// Settings of which a target chooses one.
    case candidates = "latency of candidates"
    /// Settings of which the one as fast as another method's is chosen.
    case match = "latency match"
  }

  package func trial(_ method: MethodSetting) -> PlannedLatency {
    PlannedLatency(
      LatencyTrial(
        model: model.timedSetting, method: method, device: device.setting, precision: precision,
        batchSize: batchSize, timing: timing))
  }

  package var trials: [PlannedLatency] { methods.map(trial) }
}

/// A line of the report: a method as a person asked for it, in one place.
package struct PlannedRow: Codable, Hashable, Sendable {
  package var model: ModelSetting
  package var method: MethodSetting
  /// Why the method has its parameters; `nil` where the spec gives them.
  package var reason: RowReason?
  /// `nil` where accuracy is not measured.
  package var dataset: DatasetSetting?
  /// `nil` where latency is not measured.
  package var device: DeviceSetting?
  /// `nil` where latency is not measured.
  package var batchSize: Int?
  package var precision: String

  enum CodingKeys: String, CodingKey {
    case model, method, reason, dataset, device, precision
    case batchSize = "batch_size"
  }
}

extension PlannedRow {
  /// Where a program before this one stored the reason: the weight of latency, and text.
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
      precision: try values.decode(String.self, forKey: .precision))
  }
}
