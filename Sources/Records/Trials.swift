/// An accuracy trial: the predictions for one shard of a data set by one model and method.
package struct AccuracyTrial: Codable, Hashable, Sendable {
  package var model: ModelSetting
  package var method: MethodSetting
  package var dataset: DatasetSetting
  /// `float32`, `tf32`, `float16`, `bfloat16` or `int8`.
  package var precision: String
  /// Position of the shard's first image in the data set's fixed order.
  package var firstImage: Int
  package var imageCount: Int
  /// The batch size, only for methods whose predictions depend on it; `nil` for others.
  package var batchSize: Int?

  package init(
    model: ModelSetting, method: MethodSetting, dataset: DatasetSetting, precision: String,
    firstImage: Int, imageCount: Int, batchSize: Int? = nil
  ) {
    self.model = model
    self.method = method
    self.dataset = dataset
    self.precision = precision
    self.firstImage = firstImage
    self.imageCount = imageCount
    self.batchSize = batchSize
  }

  enum CodingKeys: String, CodingKey {
    case model, method, dataset, precision
    case firstImage = "first_image"
    case imageCount = "image_count"
    case batchSize = "batch_size"
  }
}

/// A latency trial: which forward pass to time, where, and for how long.
package struct LatencyTrial: Codable, Hashable, Sendable {
  package var model: ModelSetting
  package var method: MethodSetting
  package var device: DeviceSetting
  /// `float32`, `tf32`, `float16`, `bfloat16` or `int8`.
  package var precision: String
  package var batchSize: Int
  package var timing: TimingSetting

  package init(
    model: ModelSetting, method: MethodSetting, device: DeviceSetting, precision: String,
    batchSize: Int, timing: TimingSetting
  ) {
    self.model = model
    self.method = method
    self.device = device
    self.precision = precision
    self.batchSize = batchSize
    self.timing = timing
  }

  enum CodingKeys: String, CodingKey {
    case model, method, device, precision, timing
    case batchSize = "batch_size"
  }
}

/// How a latency is measured: after `warmup` passes, until both minimums are reached and the
/// interval is narrow enough.
package struct TimingSetting: Codable, Hashable, Sendable {
  package var warmup: Int
  package var minSeconds: Double
  package var minSamples: Int
  /// The state of the device's cache at the start of a pass; `nil` is `warm`, as always on a CPU.
  package var l2: CacheState?
  /// The relative half-width that the 95 % interval should reach; `nil` for the default.
  package var until: Double?
  /// The number of timed seconds after which timing stops regardless of the interval; `nil` for the
  /// default.
  package var maxSeconds: Double?

  /// The state of a device's second-level cache before each pass.
  package enum CacheState: String, Codable, Hashable, Sendable {
    /// Emptied before each pass.
    case cold
  }

  package init(
    warmup: Int, minSeconds: Double, minSamples: Int, l2: CacheState? = nil, until: Double? = nil,
    maxSeconds: Double? = nil
  ) {
    self.warmup = warmup
    self.minSeconds = minSeconds
    self.minSamples = minSamples
    self.l2 = l2
    self.until = until
    self.maxSeconds = maxSeconds
  }

  enum CodingKeys: String, CodingKey {
    case warmup, l2, until
    case maxSeconds = "max_seconds"
    case minSeconds = "min_seconds"
    case minSamples = "min_samples"
  }
}
