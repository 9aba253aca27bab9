import Datasets
import Foundation
import ImageCoding
import Measurement
import Records
import VisionModels

/// Measures the open trials of one piece of accuracy work, shard by shard.
///
/// The images of a shard are decoded once for all methods, and those of the next shard are decoded
/// while this one is computed.
struct AccuracyRunner {
  let work: AccuracyWork
  let skipsBadImages: Bool
  let context: RunContext

  /// A shard that this process has claimed, with its images being decoded.
  private struct ClaimedShard {
    let range: Range<Int>
    let trials: [PlannedAccuracy]
    let claims: [String: FileLock]
    let loader: BatchLoader
  }

  /// Measures what no other process holds; returns whether anything was done.
  ///
  /// - Throws: `ExperimentsError.interrupted`, `.badImage`, `.recordNotStored`; the failure of a
  ///   method is recorded instead.
  func run() throws -> Bool {
    var shards = work.shards.indices.map { index in
      (
        shard: work.shards[index],
        trials: work.methods.compactMap { index < $0.trials.count ? $0.trials[index] : nil }
      )
    }[...]
    var claimed = try nextShard(&shards)
    let didSomething = claimed != nil
    while let shard = claimed {
      try context.checkStop()
      claimed = try nextShard(&shards)
      let images = try ShardImages(
        shard.loader, capacity: shard.range.count, work.model.choice.entry.preprocessing,
        context: context)
      let lock = try context.takeMachine(alone: false)
      try withExtendedLifetime((lock, shard.claims)) {
        try measure(shard.trials, images)
      }
    }
    return didSomething
  }

  /// Claims the next shard that has open trials, and starts to decode it.
  private func nextShard(
    _ shards: inout ArraySlice<(shard: Range<Int>, trials: [PlannedAccuracy])>
  ) throws -> ClaimedShard? {
    while let (range, trials) = shards.popFirst() {
      let claims = try context.claim(trials.map(\.key))
      guard !claims.isEmpty else { continue }
      return ClaimedShard(
        range: range, trials: trials.filter { claims[$0.key] != nil }, claims: claims,
        loader: BatchLoader(
          dataset: work.dataset.images, indices: Array(range),
          preprocessing: work.model.choice.entry.preprocessing, batchSize: 25,
          onBadImage: skipsBadImages ? .skip : .stop))
    }
    return nil
  }

  /// The trials of a shard, beginning with those that share the most blocks with the baseline: what
  /// the first pass has in common with others is not computed again.
  private func measure(_ trials: [PlannedAccuracy], _ images: ShardImages) throws {
    let ordered = trials.enumerated().sorted {
      ($1.element.method.composition.unreducedBlocks, $0.offset)
        < ($0.element.method.composition.unreducedBlocks, $1.offset)
    }.map(\.element)
    let shared =
      context.sharesBlocks
      ? SharedBlocks(
        ordered.dropFirst().map(\.method), images: images.count,
        imageBytes: work.model.streamBytes) : nil
    for (index, trial) in ordered.enumerated() {
      try measure(trial, images, shared, isFirst: index == 0)
    }
  }

  private func measure(
    _ planned: PlannedAccuracy, _ images: ShardImages, _ shared: SharedBlocks?, isFirst: Bool
  ) throws {
    let method = planned.method
    let label = TrialLabel.text(planned.trial)
    let expected = context.estimate.seconds(work, method, images: planned.trial.imageCount)
    guard context.isOpen(planned.key) else { return }
    let provenance = Provenance(work.device.backend)
    do {
      let result = try predict(
        method, images, shared, isFirst: isFirst, expected: expected, provenance)
      try context.record(
        .accuracy(planned.trial, result),
        environment: provenance.environment(
          work.device, precision: work.precision),
        label: "accuracy of \(work.model.setting.name), \(TrialLabel.short(method.setting))",
        rate: rate(result.imagesPerSecond))
    } catch let error as ExperimentsError {
      throw error
    } catch {
      try context.recordFailure(
        error, key: planned.key, label: label,
        environment: provenance.environment(
          work.device, precision: work.precision)
      ) { .failedAccuracy(planned.trial, $0) }
    }
  }

  private func predict(
    _ method: PlannedMethod, _ images: ShardImages, _ shared: SharedBlocks?, isFirst: Bool,
    expected: Double, _ provenance: Provenance
  ) throws -> AccuracyResult {
    var topFive: [[Int]] = []
    var labels: [Int] = []
    var pass = try context.pool.pass(
      work.model, on: work.device, method, batchSize: min(work.batchSize, max(images.count, 1)),
      precision: work.precision)
    let cost = pass.cost(of: method, isTimed: false)
    var sharedBlocks: Int?
    let kept = KeptTokens()
    kept.watch(pass)
    var start = 0
    while start < images.count {
      try context.checkStop()
      let count = min(work.batchSize, images.count - start)
      if count != pass.batchSize {
        pass = try context.pool.pass(
          work.model, on: work.device, method, batchSize: count, precision: work.precision)
        kept.watch(pass)
      }
      let range = start..<(start + count)
      if isFirst, pass.resumes { shared?.watch(pass, from: start) }
      let resumed = pass.resumes ? shared?.resumed(method, range) : nil
      if let resumed {
        sharedBlocks = resumed.blocks
        let keys = images.indices[range].map { UInt64($0) }
        keys.withUnsafeBufferPointer { pass.run(imageKeys: $0.baseAddress, resuming: resumed) }
      } else {
        images.run(range, on: pass)
      }
      try pass.model.backend.check()
      try LogitsNotFinite.check(pass.logits, images: count, model: work.model.setting.name) {
        work.dataset.images.path(at: images.indices[start + $0])
      }
      for best in bestClasses(pass, count) {
        labels.append(
          Self.label(of: images.indices[topFive.count], best, work.dataset.images))
        topFive.append(best)
      }
      kept.finishBatch()
      start += count
      context.meter.setPartial(
        expectedSeconds: expected * Double(start) / Double(max(images.count, 1)))
      context.report(
        "accuracy of \(work.model.setting.name), \(TrialLabel.short(method.setting))",
        rate: rate(Double(start) / max(provenance.seconds, 1e-9)))
    }
    if isFirst, pass.resumes { shared?.finish() }
    let seconds = provenance.seconds + images.decodeSeconds
    var result = AccuracyResult(
      topFive: topFive, labels: labels, imageIndices: images.indices,
      skipped: images.skipped, imagesPerSecond: Double(images.count) / max(seconds, 1e-9),
      cost: cost, keptTokens: kept.digests)
    result.sharedBlocks = sharedBlocks
    return result
  }

  /// The top five classes of the first `count` images of the last run.
  private func bestClasses(_ pass: PassRunner, _ count: Int) -> [[Int]] {
    let classes = work.model.info.classes
    return (0..<count).map { image in
      let row = UnsafeBufferPointer(
        rebasing: pass.logits[(image * classes)..<((image + 1) * classes)])
      return TopClasses.best(5, of: row, among: work.dataset.images.validClasses)
    }
  }

  /// The label that an image is scored by: of several correct labels, the one that the model ranks
  /// highest, so that the image counts as correct in the top 1 or 5 if any of them does.
  private static func label(of index: Int, _ best: [Int], _ images: any ImageDataset) -> Int {
    let right = images.rightLabels(at: index)
    return best.first(where: right.contains) ?? right[0]
  }

  private func rate(_ imagesPerSecond: Double) -> String {
    "\(Int(imagesPerSecond.rounded())) images/s"
  }
}
