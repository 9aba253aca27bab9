/// What a shard's images were taken for.
package struct AccuracyResult: Codable, Hashable, Sendable {
  /// The five best classes of each image, best first.
  ///
  /// Shape `[images][5]`, fewer where there are fewer classes.
  package var topFive: RankedClasses
  /// The true class of each image, in the same order.
  package var labels: [Int]
  /// Position in the data set of each image, in the same order: what pairs two methods image by
  /// image.
  package var imageIndices: [Int]
  /// Images that could not be read and were left out, with the reason.
  package var skipped: [SkippedImage]
  /// Images per second of the whole pipeline, decoding included.
  package var imagesPerSecond: Double
  package var cost: ForwardCost

  package init(
    topFive: [[Int]], labels: [Int], imageIndices: [Int], skipped: [SkippedImage],
    imagesPerSecond: Double, cost: ForwardCost
  ) {
    self.topFive = RankedClasses(topFive)
    self.labels = labels
    self.imageIndices = imageIndices
    self.skipped = skipped
    self.imagesPerSecond = imagesPerSecond
    self.cost = cost
  }

  enum CodingKeys: String, CodingKey {
    case labels, skipped, cost
    case topFive = "top5"
    case imageIndices = "image_indices"
    case imagesPerSecond = "images_per_second"
  }
}

/// An image that a run left out.
package struct SkippedImage: Codable, Hashable, Sendable {
  package var path: String
  package var reason: String

  package init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }
}

/// The timings of one variant, raw.
package struct LatencyResult: Codable, Hashable, Sendable {
  /// One timing a batch, in milliseconds, in the order taken.
  package var samplesMilliseconds: [Double]
  /// The interleaved round that each sample belongs to.
  package var rounds: [Int]
  /// What a reader should know of the measurement, for example `3 of 60 samples are outliers`.
  package var notes: [String]
  /// Highest resident memory of the process while this variant ran, in bytes.
  package var peakMemoryBytes: Int
  package var cost: ForwardCost
  /// What disturbed the timing; `nil` in records of programs that did not look.
  package var quality: TimingQuality?
  /// Milliseconds of one of many passes that are queued back to back, on a device that captures
  /// passes.
  ///
  /// The samples without the host's starting of each; `nil` elsewhere.
  package var cardMilliseconds: Double?

  package init(
    samplesMilliseconds: [Double], rounds: [Int], notes: [String], peakMemoryBytes: Int,
    cost: ForwardCost, quality: TimingQuality? = nil, cardMilliseconds: Double? = nil
  ) {
    self.cardMilliseconds = cardMilliseconds
    self.samplesMilliseconds = samplesMilliseconds
    self.rounds = rounds
    self.notes = notes
    self.peakMemoryBytes = peakMemoryBytes
    self.cost = cost
    self.quality = quality
  }

  enum CodingKeys: String, CodingKey {
    case rounds, notes, cost, quality
    case samplesMilliseconds = "samples_ms"
    case cardMilliseconds = "card_ms"
    case peakMemoryBytes = "peak_memory_bytes"
  }
}

/// What a forward pass costs, counted from the shapes that ran.
package struct ForwardCost: Codable, Hashable, Sendable {
  /// Tokens that leave each block, prefix included.
  package var tokensAfterBlocks: [Int]
  /// Multiply-adds of one image.
  package var macs: Int
  /// Trained numbers of the model.
  package var parameters: Int

  package init(tokensAfterBlocks: [Int], macs: Int, parameters: Int) {
    self.tokensAfterBlocks = tokensAfterBlocks
    self.macs = macs
    self.parameters = parameters
  }

  enum CodingKeys: String, CodingKey {
    case macs, parameters
    case tokensAfterBlocks = "tokens_after_blocks"
  }
}

/// Why a trial has no result.
package struct FailureResult: Codable, Hashable, Sendable {
  package var message: String

  package init(message: String) {
    self.message = message
  }
}
