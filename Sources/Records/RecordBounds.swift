/// Checks that a well-formed record holds values that a measurement can give.
extension Record {
  /// Above the length of any name, note or message that a run writes.
  static let maxCharacters = 20_000

  /// The first value that is out of its bounds, as `trial.batch_size is -1`; `nil` where none is.
  package var outOfBounds: String? {
    do throws(OutOfBounds) {
      try Bound.whole("schema", schema, 1...Self.currentSchema)
      try environment.checkBounds()
      try traits?.checkBounds()
      switch measurement {
      case .accuracy(let trial, let result):
        try trial.checkBounds()
        try result.checkBounds(trial)
      case .latency(let trial, let result):
        try trial.checkBounds()
        try result.checkBounds(trial)
      case .failedAccuracy(let trial, let failure):
        try trial.checkBounds()
        try Bound.text("failure.message", failure.message)
      case .failedLatency(let trial, let failure):
        try trial.checkBounds()
        try Bound.text("failure.message", failure.message)
      }
      return nil
    } catch { return error.sentence }
  }
}

/// A value that nothing can have.
struct OutOfBounds: Error { let sentence: String }

enum Bound {
  /// More than there is of anything that is counted: images, tokens, threads.
  static let maxCount = 1 << 31 - 1
  /// Bytes, multiply-adds.
  static let maxSize = 1 << 60
  /// Milliseconds of a pass or seconds of a run: beyond a week and beyond thirty years.
  static let maxTime = 1e9

  static func whole(
    _ name: String, _ value: Int, _ range: ClosedRange<Int>
  ) throws(OutOfBounds) {
    guard range.contains(value) else { throw OutOfBounds(sentence: "\(name) is \(value)") }
  }

  static func number(
    _ name: String, _ value: Double, atMost limit: Double
  ) throws(OutOfBounds) {
    guard value >= 0, value <= limit else { throw OutOfBounds(sentence: "\(name) is \(value)") }
  }

  static func text(_ name: String, _ value: String) throws(OutOfBounds) {
    guard value.utf8.count <= Record.maxCharacters else {
      throw OutOfBounds(sentence: "\(name) has \(value.utf8.count) bytes")
    }
  }

  /// Every number in a value of free shape.
  static func value(_ name: String, _ value: JSONValue) throws(OutOfBounds) {
    switch value {
    case .null, .boolean: break
    case .integer(let number): try whole(name, number, -1 << 53...1 << 53)
    case .number(let number): try Bound.number(name, abs(number), atMost: 1e300)
    case .string(let text): try Bound.text(name, text)
    case .array(let values):
      for value in values { try Bound.value(name, value) }
    case .object(let values):
      for (key, value) in values { try Bound.value("\(name).\(key)", value) }
    }
  }
}

extension Environment {
  func checkBounds() throws(OutOfBounds) {
    let texts = [
      ("program", program), ("commit", commit), ("host", host), ("system", system),
      ("processor", processor), ("blas", blas), ("driver", driver ?? ""),
    ]
    for (name, text) in texts { try Bound.text("environment.\(name)", text) }
    try Bound.whole("environment.cores", cores, 0...Bound.maxCount)
    try Bound.whole("environment.threads", threads, 0...Bound.maxCount)
    try Bound.whole("environment.memory_bytes", memoryBytes, 0...Bound.maxSize)
    for clock in clocksMHz { try Bound.number("environment.clocks_mhz", clock, atMost: 1e6) }
    if let loadAverage {
      try Bound.number("environment.load_average", loadAverage, atMost: 1e6)
    }
    for state in [gpu?.before, gpu?.after].compactMap({ $0 }) {
      try Bound.number("environment.gpu.clock_mhz", state.clockMHz ?? 0, atMost: 1e6)
      try Bound.number("environment.gpu.memory_clock_mhz", state.memoryClockMHz ?? 0, atMost: 1e6)
      try Bound.number("environment.gpu.celsius", abs(state.celsius ?? 0), atMost: 1e3)
      for text in state.slowdowns { try Bound.text("environment.gpu.slowdowns", text) }
    }
    try Bound.number("environment.duration_seconds", durationSeconds, atMost: Bound.maxTime)
    guard Self.isMoment(started) else {
      throw OutOfBounds(sentence: "environment.started is no moment such as 2026-01-31T12:00:00Z")
    }
  }

  /// Whether a text begins as ISO 8601 does, which is what sorts by time, and ends in UTC.
  static func isMoment(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard (20...30).contains(bytes.count), bytes.last == UInt8(ascii: "Z") else { return false }
    return zip(bytes, "0000-00-00T00:00:00".utf8).allSatisfy { byte, pattern in
      pattern == UInt8(ascii: "0") ? (48...57).contains(byte) : byte == pattern
    }
      && bytes.dropFirst(19).dropLast().allSatisfy {
        (48...57).contains($0) || $0 == UInt8(ascii: ".")
      }
  }
}

extension ModelSetting {
  func checkBounds() throws(OutOfBounds) {
    try Bound.text("trial.model.name", name)
    try Bound.text("trial.model.weights.name", weights?.name ?? "")
    try Bound.text("trial.model.weights.digest", weights?.digest ?? "")
    // A model of convolutions alone has none.
    try Bound.whole("trial.model.tokens", tokens, 0...Bound.maxCount)
    try Bound.whole("trial.model.prefix_tokens", prefixTokens, 0...tokens)
    for (key, value) in architecture { try Bound.value("trial.model.architecture.\(key)", value) }
  }
}

extension MethodSetting {
  func checkBounds() throws(OutOfBounds) {
    try Bound.text("trial.method.name", name)
    for (key, value) in parameters { try Bound.value("trial.method.parameters.\(key)", value) }
  }
}

extension MethodTraits {
  func checkBounds() throws(OutOfBounds) {
    try Bound.whole("traits.order", order, 0...Bound.maxCount)
    let digits = color.dropFirst()
    guard color.hasPrefix("#"), digits.utf8.count == 6, digits.allSatisfy(\.isHexDigit) else {
      throw OutOfBounds(sentence: "traits.color is no color such as #D55E00")
    }
  }
}

extension AccuracyTrial {
  func checkBounds() throws(OutOfBounds) {
    try model.checkBounds()
    try method.checkBounds()
    try Bound.text("trial.dataset.name", dataset.name)
    try Bound.text("trial.dataset.layout", dataset.layout)
    try Bound.text("trial.dataset.fingerprint", dataset.fingerprint)
    try Bound.text("trial.dataset.preprocessing", dataset.preprocessing)
    try Bound.text("trial.dataset.order", dataset.order ?? "")
    try Bound.text("trial.precision", precision)
    try Bound.whole("trial.dataset.classes", dataset.classes, 1...Bound.maxCount)
    try Bound.whole("trial.dataset.images", dataset.images, 1...Bound.maxCount)
    try Bound.whole("trial.first_image", firstImage, 0...dataset.images - 1)
    try Bound.whole("trial.image_count", imageCount, 1...dataset.images - firstImage)
    if let batchSize { try Bound.whole("trial.batch_size", batchSize, 1...Bound.maxCount) }
  }

  /// How many classes there can be: the data set's, or the model's, which may be more.
  fileprivate var maxClasses: Int {
    max(dataset.classes, model.architecture["num_classes"]?.asInt ?? Bound.maxCount)
  }
}

extension LatencyTrial {
  func checkBounds() throws(OutOfBounds) {
    try model.checkBounds()
    try method.checkBounds()
    try Bound.text("trial.device.name", device.name)
    try Bound.text("trial.device.hardware", device.hardware)
    try Bound.text("trial.device.engine", device.engine ?? "")
    try Bound.text("trial.precision", precision)
    try Bound.whole("trial.device.threads", device.threads, 0...Bound.maxCount)
    if let simulated = device.simulated {
      for text in [simulated.execution, simulated.precision, simulated.digest] {
        try Bound.text("trial.device.simulated", text)
      }
      for error in [simulated.medianErrorPercent, simulated.worstErrorPercent] {
        try Bound.number("trial.device.simulated", error ?? 0, atMost: 1e6)
      }
      try Bound.whole(
        "trial.device.simulated.checked_points", simulated.checkedPoints ?? 0, 0...Bound.maxCount)
    }
    try Bound.whole("trial.batch_size", batchSize, 1...Bound.maxCount)
    try Bound.whole("trial.timing.warmup", timing.warmup, 0...Bound.maxCount)
    try Bound.whole("trial.timing.min_samples", timing.minSamples, 0...Bound.maxCount)
    try Bound.number("trial.timing.min_seconds", timing.minSeconds, atMost: Bound.maxTime)
    try Bound.number("trial.timing.max_seconds", timing.maxSeconds ?? 0, atMost: Bound.maxTime)
    try Bound.number("trial.timing.until", timing.until ?? 0, atMost: 1)
  }
}

extension AccuracyResult {
  func checkBounds(_ trial: AccuracyTrial) throws(OutOfBounds) {
    let last = trial.maxClasses - 1
    try Bound.whole("the number of classes in result.top5", topFive.perImage, 0...5)
    if let bounds = topFive.bounds {
      try Bound.whole("a class in result.top5", bounds.min, 0...last)
      try Bound.whole("a class in result.top5", bounds.max, 0...last)
    }
    guard !topFive.hasRepeats else {
      throw OutOfBounds(sentence: "result.top5 has a class twice for one image")
    }
    // A check for each label would build its range thousands of times for each line.
    if let lowest = labels.min(), let highest = labels.max() {
      try Bound.whole("a label in result.labels", lowest, 0...last)
      try Bound.whole("a label in result.labels", highest, 0...last)
    }
    var previous = trial.firstImage - 1
    let lastImage = trial.firstImage + trial.imageCount - 1
    for index in imageIndices {
      guard index > previous, index <= lastImage else {
        throw OutOfBounds(
          sentence: "result.image_indices has \(index) out of order or beyond its shard")
      }
      previous = index
    }
    for image in skipped {
      try Bound.text("result.skipped.path", image.path)
      try Bound.text("result.skipped.reason", image.reason)
    }
    try Bound.whole("result.shared_blocks", sharedBlocks ?? 0, 0...Bound.maxCount)
    try Bound.number("result.images_per_second", imagesPerSecond, atMost: 1e12)
    try cost.checkBounds(trial.model)
  }
}

extension LatencyResult {
  func checkBounds(_ trial: LatencyTrial) throws(OutOfBounds) {
    for sample in samplesMilliseconds {
      try Bound.number("a timing in result.samples_ms", sample, atMost: Bound.maxTime)
    }
    if let cardMilliseconds {
      try Bound.number("result.card_ms", cardMilliseconds, atMost: Bound.maxTime)
    }
    for round in rounds { try Bound.whole("a round in result.rounds", round, 0...Bound.maxCount) }
    for note in notes { try Bound.text("result.notes", note) }
    try Bound.whole("result.peak_memory_bytes", peakMemoryBytes, 0...Bound.maxSize)
    try cost.checkBounds(trial.model)
    try quality?.checkBounds()
    for operation in predicted ?? [] {
      try Bound.text("result.predicted.name", operation.name)
      try Bound.text("result.predicted.tile", operation.tile ?? "")
      try Bound.number("result.predicted.ms", operation.milliseconds, atMost: Bound.maxTime)
      try Bound.whole("result.predicted.waves", operation.waves ?? 0, 0...Bound.maxCount)
    }
    for launch in kernels ?? [] {
      try Bound.text("result.kernels.work", launch.work)
      try Bound.text("result.kernels.kernel", launch.kernel)
      for number in [launch.count, launch.threads ?? 0, launch.blocks ?? 0, launch.resident ?? 0] {
        try Bound.whole("result.kernels", number, 0...Bound.maxCount)
      }
    }
  }
}

extension TimingQuality {
  func checkBounds() throws(OutOfBounds) {
    try Bound.whole("result.quality.rounds", rounds, 0...Bound.maxCount)
    for round in disturbed {
      try Bound.whole("result.quality.disturbed.round", round.round, 0...Bound.maxCount)
      try Bound.number("result.quality.disturbed.share", round.share, atMost: 1)
      for sample in round.droppedMilliseconds ?? [] {
        try Bound.number(
          "a timing in result.quality.disturbed.dropped_ms", sample, atMost: Bound.maxTime)
      }
    }
  }
}

extension ForwardCost {
  func checkBounds(_ model: ModelSetting) throws(OutOfBounds) {
    for tokens in tokensAfterBlocks {
      try Bound.whole("result.cost.tokens_after_blocks", tokens, 0...model.tokens)
    }
    try Bound.whole("result.cost.macs", macs, 0...Bound.maxSize)
    try Bound.whole("result.cost.traffic_bytes", trafficBytes ?? 0, 0...Bound.maxSize)
    try Bound.whole("result.cost.parameters", parameters, 0...Bound.maxSize)
    try Bound.whole("result.cost.launches", launches ?? 0, 0...Bound.maxCount)
    if let attention {
      for count in [attention.fused, attention.scored, attention.explicit] {
        try Bound.whole("result.cost.attention", count, 0...Bound.maxCount)
      }
      try Bound.whole("result.cost.attention.bytes", attention.bytes, 0...Bound.maxSize)
    }
    if let cut {
      try Bound.whole("result.cost.cut.r", cut.r, 1...Bound.maxCount)
      try Bound.whole("result.cost.cut.block", cut.block, 0...Bound.maxCount)
      try Bound.whole("result.cost.cut.removed", cut.removed, 0...cut.r - 1)
    }
  }
}
