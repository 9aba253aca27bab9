import Measurement
import Records
import Support

/// Finds the measurements of a method within one group and compares them with the baseline.
struct GroupFinder {
  let joined: JoinedRecords
  let group: RowGroup
  let medians: [JoinedRecords.TimingID: BootstrapMedians]
  let text: ParameterText
  /// The grid for the group's model and device, if one was measured.
  let staircase: Staircase?

  func row(_ method: MethodSetting, _ asked: AskedRow = AskedRow()) -> Row {
    let tally = tally(of: method)
    let timing = timing(of: method)
    let baseline = joined.catalog.baseline.flatMap { self.tally(of: $0) }
    let accuracy = tally.flatMap { tally in
      group.dataset.flatMap { AccuracyFigures(tally, against: baseline, in: $0) }
    }
    let latency = timing.flatMap(figures)
    let cost = timing?.result.cost ?? tally?.cost
    let flaws = flaws(of: method)
    let hasFewSamples = hasFewSamples(method)
    // A control's parameters are token counts; its reason, which names its row, is shown instead.
    let isControl = asked.reasons.contains { if case .control = $0 { true } else { false } }
    let speedup = joined.catalog.baseline.flatMap { self.speedup(of: method, against: $0) }
    let explicit = joined.catalog.explicitBaseline.flatMap { self.speedup(of: method, against: $0) }
    let controlled = asked.control.flatMap { change(of: tally, against: $0) }
    return Row(
      method: method, reasons: asked.reasons, family: joined.catalog.family(of: method),
      parameters: isControl ? "" : text.text(for: method),
      shortParameters: isControl ? "" : text.shortText(for: method),
      distinguishingParameters: isControl ? "" : text.distinguishingText(for: method),
      accuracy: accuracy,
      latency: latency, change: change(of: tally, method), speedup: speedup,
      explicitSpeedup: explicit, control: controlled, race: asked.race,
      tokensLeft: cost?.tokensAfterBlocks.last, macs: cost?.macs,
      modelParameters: cost?.parameters, trafficBytes: cost?.trafficBytes,
      launches: cost?.launches, attention: cost?.attention,
      nextStep: flaws.isEmpty && !hasFewSamples
        ? cost.flatMap { NextStep(after: $0, on: staircase, tokens: group.model.tokens) } : nil,
      flaws: flaws, hasFewSamples: hasFewSamples,
      notes: notes(accuracy, timing, tally, method, asked.race)
        + [BaselineNote.text(speedup, explicit), controlled?.controlNote].compactMap { $0 },
      lesserNotes: Set(timing?.result.notes ?? []))
  }

  private func tally(of method: MethodSetting) -> AccuracyTally? {
    group.accuracyKey(of: method).flatMap { joined.accuracies[$0] }
  }

  private func timing(of method: MethodSetting) -> JoinedRecords.Timing? {
    group.latencyKey(of: method).flatMap { joined.latencies[$0] }
  }

  /// The flaws of a method's timing, and of the timing of the baseline that it is compared with.
  private func flaws(of method: MethodSetting) -> [TimingFlaw] {
    guard let key = group.latencyKey(of: method), let timing = joined.latencies[key] else {
      return []
    }
    let baseline = joined.baseline(of: key)?.timing.flaws ?? []
    return TimingFlaw.allCases.filter { timing.flaws.contains($0) || baseline.contains($0) }
  }

  /// Whether a method's timing, or that of its baseline, has too few samples for an interval.
  private func hasFewSamples(_ method: MethodSetting) -> Bool {
    guard let key = group.latencyKey(of: method), let timing = joined.latencies[key] else {
      return false
    }
    return timing.hasFewSamples || joined.baseline(of: key)?.timing.hasFewSamples == true
  }

  private func figures(_ timing: JoinedRecords.Timing) -> LatencyFigures? {
    guard let summary = Summary(timing.result.samplesMilliseconds) else { return nil }
    return LatencyFigures(
      milliseconds: summary,
      imagesPerSecond: Double(group.batchSize ?? 1) * 1000 / summary.median,
      peakMemoryBytes: timing.result.peakMemoryBytes, environment: timing.environment,
      quality: timing.result.quality)
  }

  private func change(of tally: AccuracyTally?, _ method: MethodSetting) -> AccuracyChange? {
    guard let known = joined.catalog.baseline, method.name != known.name, let tally,
      let baseline = self.tally(of: known)
    else { return nil }
    return AccuracyChange(of: tally, against: baseline, in: group.dataset)
  }

  /// The change of accuracy relative to another method, on the images that both saw.
  private func change(of tally: AccuracyTally?, against other: MethodSetting) -> AccuracyChange? {
    guard let tally, let other = self.tally(of: other) else { return nil }
    return AccuracyChange(of: tally, against: other, in: group.dataset)
  }

  /// The speed-up over a baseline; `nil` for that baseline itself, and for the one that other rows
  /// are compared with.
  private func speedup(of method: MethodSetting, against known: MethodSetting) -> Speedup? {
    guard method.name != known.name, !joined.catalog.isBaseline(method),
      let key = group.latencyKey(of: method), let baselineKey = group.latencyKey(of: known),
      let timing = joined.latencies[key],
      let (baseline, sharesRounds) = joined.timing(of: known, with: key),
      // The note on different rounds applies only to the main baseline.
      sharesRounds || joined.catalog.isBaseline(known) || group.device?.simulated != nil,
      let mine = medians[timing.id(key)],
      let theirs = medians[baseline.id(baselineKey)]
    else { return nil }
    return Speedup(baseline, timing, theirs, mine)
  }

  /// A note on the baseline of a row's speed-up.
  private func baselineNote(_ method: MethodSetting) -> String? {
    // Predictions have no rounds.
    guard group.device?.simulated == nil, let known = joined.catalog.baseline,
      method.name != known.name, let key = group.latencyKey(of: method),
      let timing = joined.latencies[key], let baseline = joined.baseline(of: key),
      let shown = self.timing(of: known)
    else { return nil }
    if baseline.timing.environment.host != timing.environment.host {
      return "timed on host \(timing.environment.host), the baseline on "
        + baseline.timing.environment.host
    }
    guard baseline.sharesRounds else { return "timed in other rounds than the baseline" }
    guard baseline.timing.rounds != shown.rounds,
      let median = Summary(baseline.timing.result.samplesMilliseconds)?.median
    else { return nil }
    return
      "the baseline of its own rounds took \(significant(median)) ms, which the speed-up is against"
  }

  /// A note if the baseline of a trained model is no better than guessing, about its weights or
  /// labels.
  private func chanceNote(_ accuracy: AccuracyFigures?, _ method: MethodSetting) -> String? {
    guard joined.catalog.isBaseline(method), let accuracy, let dataset = group.dataset,
      group.weights?.isTrained == true, accuracy.isWithinChance(classes: dataset.classes)
    else { return nil }
    return "no better than chance among \(grouped(dataset.classes)) classes: its weights, its "
      + "preprocessing or the order of the classes may be wrong"
  }

  private func notes(
    _ accuracy: AccuracyFigures?, _ timing: JoinedRecords.Timing?, _ tally: AccuracyTally?,
    _ method: MethodSetting, _ race: RaceStanding?
  ) -> [String] {
    var notes: [String] = []
    if let accuracy,
      let note = race?.note(
        images: accuracy.images + accuracy.skippedImages, of: accuracy.expectedImages)
    {
      notes.append(note)
    } else if let accuracy, !accuracy.isComplete {
      notes.append(
        "accuracy over \(grouped(accuracy.images)) of \(grouped(accuracy.expectedImages)) images")
    }
    if let note = chanceNote(accuracy, method) { notes.append(note) }
    if let note = KnownGate.note(
      model: group.model.name, method, group.dataset, precision: group.precision, accuracy)
    {
      notes.append(note)
    }
    if let accuracy, accuracy.skippedImages > 0 {
      let images = noun(accuracy.skippedImages, "image")
      notes.append("\(grouped(accuracy.skippedImages)) \(images) could not be read")
    }
    if let cut = (timing?.result.cost ?? tally?.cost)?.cut { notes.append("\(cut)") }
    if let key = group.accuracyKey(of: method), let batch = joined.accuracyBatches[key] {
      notes.append("scores normalized over batches of \(batch) images")
    }
    guard let timing else { return notes }
    // For an unreliable timing, the verdict replaces its notes.
    if timing.flaws.isEmpty { notes += timing.result.notes }
    if timing.measurements > 1 {
      notes.append(
        "timed \(timing.measurements) times"
          + (joined.catalog.isAnyBaseline(method) ? ", once with each set of rows" : "")
          + "; the latest is shown")
    }
    if let note = baselineNote(method) { notes.append(note) }
    return notes
  }
}

extension AccuracyChange {
  /// The change from `baseline` to `tally` on the images that both contain; `nil` if there are
  /// none.
  init?(of tally: AccuracyTally, against baseline: AccuracyTally) {
    let outcomes = tally.paired(with: baseline)
    // Seeded by the counts, so that equal data gets equal intervals everywhere.
    var generator = SplitMix64(seedText: "\(outcomes)")
    guard let difference = outcomes.difference,
      let interval = outcomes.differenceInterval(using: &generator)
    else { return nil }
    self.init(
      outcomes: outcomes, points: 100 * difference, interval: interval.scaled(by: 100),
      midP: outcomes.midP)
  }
}

extension RowGroup {
  /// The key of a method's accuracy in the joined records; `nil` without a data set.
  func accuracyKey(of method: MethodSetting) -> JoinedRecords.AccuracyKey? {
    dataset.map {
      JoinedRecords.AccuracyKey(
        model: model, weights: weights, method: method, dataset: $0, precision: precision)
    }
  }

  /// The key of a method's latency in the joined records.
  func latencyKey(of method: MethodSetting) -> JoinedRecords.LatencyKey? {
    guard let device, let batchSize else { return nil }
    return JoinedRecords.LatencyKey(
      model: model, method: method, device: device, batchSize: batchSize, precision: precision)
  }
}
