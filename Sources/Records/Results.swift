/// The predictions for a shard's images.
package struct AccuracyResult: Codable, Hashable, Sendable {
  /// The top five classes of each image, best first.
  ///
  /// Shape `[images][5]`, fewer if there are fewer classes.
  package var topFive: RankedClasses
  /// The true class of each image, in the same order.
  package var labels: [Int]
  /// Position in the data set of each image, in the same order: what pairs two methods image by
  /// image.
  package var imageIndices: [Int]
  /// Images that could not be read and were left out, with the reason.
  package var skipped: [SkippedImage]
  /// Images per second of the whole pipeline, including decoding.
  package var imagesPerSecond: Double
  package var cost: ForwardCost
  /// A digest of the patches that each image kept and merged, independent of the order of its
  /// tokens.
  ///
  /// Images with equal digests were reduced identically; in the order of `labels`. `nil` if nothing
  /// is reduced, and in records of earlier versions.
  package var keptTokens: [UInt32]?
  /// The number of leading blocks whose results were taken from the baseline's pass; `nil` if the
  /// pass was computed completely.
  package var sharedBlocks: Int?

  package init(
    topFive: [[Int]], labels: [Int], imageIndices: [Int], skipped: [SkippedImage],
    imagesPerSecond: Double, cost: ForwardCost, keptTokens: [UInt32]? = nil
  ) {
    self.keptTokens = keptTokens
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
    case keptTokens = "kept_patches"
    case sharedBlocks = "shared_blocks"
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

/// The raw timings of one variant.
package struct LatencyResult: Codable, Hashable, Sendable {
  /// One timing per batch, in milliseconds, in the order taken.
  package var samplesMilliseconds: [Double]
  /// The interleaved round that each sample belongs to.
  package var rounds: [Int]
  /// Remarks on the measurement, for example `3 of 60 samples are outliers`.
  package var notes: [String]
  /// The peak resident memory of the process while this variant ran, in bytes.
  package var peakMemoryBytes: Int
  package var cost: ForwardCost
  /// What disturbed the timing; `nil` in records of earlier versions.
  package var quality: TimingQuality?
  /// Milliseconds per pass of many passes enqueued back to back, on a device that captures passes.
  ///
  /// Unlike the samples, it excludes the launch overhead of the host; `nil` on other devices.
  package var cardMilliseconds: Double?
  /// The parts of a predicted sample; `nil` if it was measured.
  package var predicted: [PredictedOperation]?
  /// How the pass was distributed over a GPU, for grids and baselines: the origin of a step.
  ///
  /// `nil` elsewhere, and in records of earlier versions.
  package var kernels: [KernelLaunch]?

  package init(
    samplesMilliseconds: [Double], rounds: [Int], notes: [String], peakMemoryBytes: Int,
    cost: ForwardCost, quality: TimingQuality? = nil, cardMilliseconds: Double? = nil,
    predicted: [PredictedOperation]? = nil, kernels: [KernelLaunch]? = nil
  ) {
    self.kernels = kernels
    self.cardMilliseconds = cardMilliseconds
    self.predicted = predicted
    self.samplesMilliseconds = samplesMilliseconds
    self.rounds = rounds
    self.notes = notes
    self.peakMemoryBytes = peakMemoryBytes
    self.cost = cost
    self.quality = quality
  }

  enum CodingKeys: String, CodingKey {
    case rounds, notes, cost, quality, predicted, kernels
    case samplesMilliseconds = "samples_ms"
    case cardMilliseconds = "card_ms"
    case peakMemoryBytes = "peak_memory_bytes"
  }
}

/// What a forward pass costs, counted from the shapes that ran.
package struct ForwardCost: Codable, Hashable, Sendable {
  /// Tokens that leave each block, prefix included.
  package var tokensAfterBlocks: [Int]
  /// The MACs of one image.
  package var macs: Int
  /// The number of trainable parameters of the model.
  package var parameters: Int
  /// The minimum number of bytes that the operations of one image read and write: inputs, weights
  /// and outputs once each, with the weights shared by the images of a batch; `nil` in records of
  /// earlier versions.
  package var trafficBytes: Int?
  /// `nil` if every block removes as many tokens as its schedule requests.
  package var cut: ScheduleCut?
  /// The number of operations of a pass, executed one after another; `nil` in records of earlier
  /// versions.
  package var launches: Int?
  /// Which kernels computed the attention; `nil` in records of earlier versions, and without
  /// softmax attention.
  package var attention: AttentionCost?

  package init(
    tokensAfterBlocks: [Int], macs: Int, parameters: Int, trafficBytes: Int? = nil,
    cut: ScheduleCut? = nil, launches: Int? = nil, attention: AttentionCost? = nil
  ) {
    self.launches = launches
    self.attention = attention
    self.tokensAfterBlocks = tokensAfterBlocks
    self.macs = macs
    self.parameters = parameters
    self.trafficBytes = trafficBytes
    self.cut = cut
  }

  enum CodingKeys: String, CodingKey {
    case macs, parameters, cut, launches, attention
    case tokensAfterBlocks = "tokens_after_blocks"
    case trafficBytes = "traffic_bytes"
  }
}

/// How the attentions of a pass were computed, and what they moved.
package struct AttentionCost: Codable, Hashable, Sendable {
  /// Attentions whose map never left the kernel.
  package var fused: Int
  /// Attentions whose kernel also returned what a score reads of the map.
  package var scored: Int
  /// Attentions whose whole map was written to memory.
  package var explicit: Int
  /// The minimum number of bytes per image that they read and write; values that stay inside a
  /// kernel are not counted.
  package var bytes: Int

  package init(fused: Int, scored: Int, explicit: Int, bytes: Int) {
    self.fused = fused
    self.scored = scored
    self.explicit = explicit
    self.bytes = bytes
  }
}

/// The block at which a schedule requests more tokens than can be removed.
package struct ScheduleCut: Codable, Hashable, Sendable, CustomStringConvertible {
  /// The number of tokens that each block is requested to remove.
  package var r: Int
  /// The first block that removes fewer, counted from 0.
  package var block: Int
  /// How many that block removes.
  package var removed: Int

  package init(r: Int, block: Int, removed: Int) {
    self.r = r
    self.block = block
    self.removed = removed
  }

  /// For example `r=50 exceeds what is left: block 2 removes 44`.
  package var description: String {
    "r=\(r) exceeds what is left: block \(block) removes \(removed > 0 ? "\(removed)" : "none")"
  }
}

/// Why a trial has no result.
package struct FailureResult: Codable, Hashable, Sendable {
  package var message: String

  package init(message: String) {
    self.message = message
  }
}
