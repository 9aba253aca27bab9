import Measurement
import Records
import Support

extension AccuracyTally {
  /// The consecutive shards from the first image on that this and another tally both contain.
  private func commonShards(_ other: AccuracyTally) -> [Range<Int>] {
    var end = 0
    return shards.intersection(other.shards).sorted { $0.lowerBound < $1.lowerBound }
      .prefix { shard in
        defer { end = shard.upperBound }
        return shard.lowerBound == end
      }.map { $0 }
  }

  /// The paired outcomes relative to `baseline` per batch, on the images that both contain, in
  /// random order.
  func batches(against baseline: AccuracyTally) -> [PairedBatch] {
    commonShards(baseline).map { shard in
      var batch = PairedBatch()
      for image in shard {
        batch.count(first: baseline.isTop1(image), second: isTop1(image))
      }
      return batch
    }
  }

  /// A 95 % interval, in percent, of the fraction of a data set's images that are classified
  /// correctly, from the first images in random order.
  ///
  /// It is valid whenever the race was stopped.
  func sequentialInterval(
    population: Int, _ isRight: (Int) -> Bool?
  ) -> Interval {
    let batches = commonShards(self).map { shard in
      var batch = PairedBatch()
      for image in shard { batch.count(first: false, second: isRight(image)) }
      return batch
    }
    var sequence = ConfidenceSequence(population: population)
    sequence.add(joined: batches)
    let interval = sequence.interval.scaled(by: 100)
    // A fraction is between 0 and 100 %.
    return Interval(lower: max(0, interval.lower), upper: min(100, interval.upper))
  }
}

extension AccuracyChange {
  /// The change from `baseline` to `tally`.
  ///
  /// If the images are in random order and not all were classified, the interval is a confidence
  /// sequence, which is valid at any time of a race.
  ///
  /// For rows that saw every image, the result is the same as without a race. `nil` without shared
  /// images.
  init?(of tally: AccuracyTally, against baseline: AccuracyTally, in dataset: DatasetSetting?) {
    self.init(of: tally, against: baseline)
    guard let dataset, dataset.order != nil else { return }
    let batches = tally.batches(against: baseline)
    let images = batches.reduce(0) { $0 + $1.images }
    guard images < dataset.images else { return }
    var sequence = ConfidenceSequence(population: dataset.images)
    for batch in batches { sequence.add(batch) }
    interval = sequence.interval.scaled(by: 100)
    isSequential = true
  }
}

extension AccuracyFigures {
  /// The figures of a method that a race may have stopped.
  ///
  /// Its accuracy over the data set is then estimated as that of the baseline, which saw more
  /// images, plus the difference on the shared images.
  ///
  /// `nil` without images.
  init?(_ tally: AccuracyTally, against baseline: AccuracyTally?, in dataset: DatasetSetting) {
    self.init(tally, expectedImages: dataset.images)
    guard dataset.order != nil, !isComplete else { return }
    top1Interval = tally.sequentialInterval(population: dataset.images) { tally.isTop1($0) }
    top5Interval = tally.sequentialInterval(population: dataset.images) { tally.isTop5($0) }
    guard let baseline, baseline.images > tally.images else { return }
    func estimate(_ correct: Int, _ gained: Double?) -> Double? {
      gained.map { 100 * min(1, max(0, Double(correct) / Double(baseline.images) + $0)) }
    }
    let top1 = tally.paired(with: baseline).difference
    let top5 = tally.paired(with: baseline, amongFive: true).difference
    top1Estimate = estimate(baseline.top1Correct, top1)
    top5Estimate = estimate(baseline.top5Correct, top5)
  }
}

extension RaceStanding {
  /// A note on the result of a row's race; `nil` if it saw every image.
  func note(images: Int, of expected: Int) -> String? {
    let seen = "stopped after \(grouped(images)) of \(grouped(expected)) images: "
    switch stop {
    case .narrow where images < expected:
      return seen + "known well enough (±\(trimmed(untilPoints ?? 0, digits: 6)) pp)"
    case .offFront(let method):
      let parameters = method.parameters.sorted { $0.key < $1.key }
        .map { "\($0.key)=\(ParameterText.compact($0.value))" }
      return seen + "off the front, behind "
        + ([method.name] + parameters).joined(separator: " ")
    case .decided where images < expected: return seen + "on which side of the drop it is is known"
    default: return nil
    }
  }
}

extension RowGroup {
  /// How many images a race has saved, and what its intervals mean; `nil` if no row was in a race.
  func raceLine(_ joined: JoinedRecords) -> String? {
    guard let dataset, dataset.order != nil, rows.contains(where: { $0.race != nil }) else {
      return nil
    }
    let seen = joined.accuracies.filter { key, _ in
      key.model == model && key.weights == weights && key.dataset == dataset
        && key.precision == precision
    }.values.map { $0.images + $0.skipped }
    let passes = seen.reduce(0, +)
    let all = seen.count * dataset.images
    guard passes > 0, all > 0 else { return nil }
    let stopped = seen.count { $0 < dataset.images }
    let saving = "\(trimmed(Double(all) / Double(passes), digits: 1)) × fewer"
    return "race: \(grouped(passes)) of \(grouped(all)) image passes (\(saving)); "
      + "\(grouped(stopped)) of \(counted(seen.count, "setting")) stopped early, and the intervals of "
      + "those hold whenever they were looked at, for all \(grouped(dataset.images)) images"
  }

  /// The rows that are not on the front but may be, as far as the race can tell; `nil` if there are
  /// none.
  func openFrontLine() -> String? {
    guard let points = rows.compactMap({ $0.race?.untilPoints }).max() else { return nil }
    let open = rows.filter { mayBeOnFront($0, within: points) }.map(\.label)
    guard !open.isEmpty else { return nil }
    let more = open.count > 8 ? "; and \(open.count - 8) more" : ""
    return "the front is known to ±\(trimmed(points, digits: 6)) pp; off it, and perhaps on it: "
      + open.prefix(8).joined(separator: "; ") + more
  }

  /// Whether every row that dominates this one is more accurate only by less than the race can
  /// resolve.
  private func mayBeOnFront(_ row: Row, within points: Double) -> Bool {
    guard row.competes, !row.isOnFront, let accuracy = row.accuracy, let latency = row.latency
    else { return false }
    return rows.allSatisfy { other in
      // A row does not dominate itself.
      guard other.label != row.label, other.competes, let better = other.accuracy,
        let faster = other.latency,
        faster.milliseconds.median <= latency.milliseconds.median,
        better.top1Percent >= accuracy.top1Percent
      else { return true }
      let isCertain = accuracy.isComplete && better.isComplete
      return !isCertain && better.top1Percent - accuracy.top1Percent <= points
    }
  }
}
