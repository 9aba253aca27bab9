import Measurement
import Records
import TokenReduction

/// Finds, for each method of a spec, its fastest setting within an accuracy drop, with as few
/// images as necessary.
///
/// Accuracy decreases as more tokens are removed, so a setting beyond the drop excludes all
/// stronger ones, and one within it all weaker ones: bisection finds the strongest setting within.
/// A setting is evaluated batch by batch, in random order, until its confidence sequence is on one
/// side of the drop. Of the settings within, the fastest by the grid's timing is chosen, and then
/// checked itself.
struct AccuracyMatch {
  let table: PlanBuilder.Table
  let dataset: PlannedDataset
  /// Percentage points of top-1.
  let points: Double

  /// The state of the search for a method.
  enum Decision {
    case chosen(PlannedMethod, RaceStop)
    /// The number of trials that must be measured first.
    case waiting(Int)
    case unmet(String)
  }

  private enum Verdict { case within(RaceStop), beyond, waiting, failed }

  /// The methods of a spec whose strength can be chosen, without duplicates, in order.
  static func types(of spec: Spec) -> [any TokenReductionMethod.Type] {
    var types: [any TokenReductionMethod.Type] = []
    for choice in spec.methods
    where !TokenReductionRegistry.isBaseline(choice.method.name)
      && !types.contains(where: { $0 == choice.method })
    {
      types.append(choice.method)
    }
    return types
  }

  /// The fastest setting of a method within the drop.
  func decide(
    _ type: any TokenReductionMethod.Type, in builder: inout PlanBuilder
  ) throws -> Decision {
    guard var timing = table.place else { return .waiting(0) }
    timing.set = .candidates
    let ladders = Self.ladders(of: type, model: table.model, in: builder)
    var missing = 0
    var latencies: [PlannedMethod: Double] = [:]
    for method in ladders.joined() {
      switch builder.latency(of: method, at: timing) {
      case .value(let median): latencies[method] = median
      case .missing: missing += 1
      case .unreliable, .givenUp: break
      }
    }
    var within: [PlannedMethod] = []
    for ladder in ladders {
      guard let strongest = strongest(of: ladder, in: &builder) else {
        missing += 1
        continue
      }
      within += ladder.prefix(strongest + 1)
    }
    guard missing == 0 else { return .waiting(missing) }
    let timed = within.filter { latencies[$0] != nil }
    for method in timed.sorted(by: { (latencies[$0] ?? 0) < (latencies[$1] ?? 0) }) {
      switch verdict(on: method, in: &builder) {
      case .within(let stop): return .chosen(method, stop)
      case .waiting: return .waiting(1)
      case .beyond, .failed: continue
      }
    }
    let count = ladders.joined().count
    return .unmet(
      within.isEmpty || !timed.isEmpty
        ? "none of the \(count) settings of \(type.name) that were tried is within "
          + "\(JSONValue.number(points).shortText) points of the baseline"
        : "no setting of \(type.name) can be chosen, since "
          + RSearcher.unreliable("its settings"))
  }

  /// The index of the strongest setting within the drop, −1 if there is none; `nil` while images
  /// are missing.
  private func strongest(
    of ladder: [PlannedMethod], in builder: inout PlanBuilder
  ) -> Int? {
    var (within, beyond) = (-1, ladder.count)
    while beyond - within > 1 {
      let middle = within + (beyond - within) / 2
      switch verdict(on: ladder[middle], in: &builder) {
      case .within: within = middle
      case .beyond, .failed: beyond = middle
      case .waiting: return nil
      }
    }
    return within
  }

  /// The side of the drop on which a setting is.
  private func verdict(on method: PlannedMethod, in builder: inout PlanBuilder) -> Verdict {
    guard let baseline = try? builder.planner.models[table.model].unreduced() else {
      return .failed
    }
    let place = builder.accuracyPlace(dataset, table)
    let own = builder.trials(of: method, at: place, dataset)
    let reference = builder.trials(of: baseline, at: place, dataset)
    var pairs: [PairedBatch] = []
    for batch in own.indices {
      builder.ask(method, batches: batch + 1, of: dataset, at: place)
      builder.ask(baseline, batches: batch + 1, of: dataset, at: place)
      let ledger = builder.planner.ledger
      guard let mine = ledger.outcomes(own[batch], builder.reader.result),
        let theirs = ledger.outcomes(reference[batch], builder.reader.result)
      else {
        let isLost = [own[batch], reference[batch]].contains {
          builder.reader.givenUp.contains($0.key)
        }
        return isLost ? .failed : .waiting
      }
      pairs.append(RaceLedger.batch(theirs, mine))
      let interval = ledger.interval(
        of: own, against: reference, images: dataset.images.count, batches: pairs)
      let isLast = batch + 1 == own.count
      // Predictions that depend on their batch are meaningful only for the complete data set.
      guard isLast || !method.composition.dependsOnBatch else { continue }
      // A tolerance of a billionth allows for rounding.
      if 100 * interval.lower >= -points - 1e-9 { return .within(isLast ? .everyImage : .decided) }
      if 100 * interval.upper < -points - 1e-9 { return .beyond }
    }
    return .failed
  }

  // MARK: Settings

  /// The settings of a method by increasing strength, one list for each combination of its other
  /// parameters in the spec.
  static func ladders(
    of type: any TokenReductionMethod.Type, model: Int, in builder: PlanBuilder
  ) -> [[PlannedMethod]] {
    let model = builder.planner.models[model]
    var bases: [[String: JSONValue]] = []
    var ladders: [[PlannedMethod]] = []
    for choice in builder.planner.spec.methods where choice.method == type {
      let layers = choice.layers.isEmpty ? [nil] : choice.layers.map { Optional($0) }
      for layer in layers {
        var base = choice.parameters
        if let layer { base["layer"] = layer }
        guard let key = strength(of: type, base) else {
          if let method = try? model.methods.method(type, base) { ladders.append([method]) }
          continue
        }
        base[key] = nil
        guard !bases.contains(base) else { continue }
        bases.append(base)
        ladders.append(ladder(type, base, key: key, model))
      }
    }
    return ladders.filter { !$0.isEmpty }
  }

  /// The key of the strength; `nil` if a setting has none.
  private static func strength(
    of type: any TokenReductionMethod.Type, _ parameters: [String: JSONValue]
  ) -> String? {
    guard parameters[Schedule.tokens.name] == nil else { return nil }
    if let schedule = parameters["schedule"]?.asString {
      return schedule == "keep_rate" ? schedule : "r"
    }
    // A method's own keys come before those of other schedules.
    return type.parameters.map(\.name).first { $0 == "r" || $0 == "keep_rate" }
  }

  private static func ladder(
    _ type: any TokenReductionMethod.Type, _ base: [String: JSONValue], key: String,
    _ model: PlannedModel
  ) -> [PlannedMethod] {
    let tokens = model.info.tokens
    let values: [JSONValue] =
      key == "r"
      ? (1...max(1, tokens.patchTokens)).map { .integer($0) }
      // In steps of a twentieth, as in publications.
      : stride(from: 19, through: 2, by: -1).map { .number(Double($0) / 20) }
    var methods: [PlannedMethod] = []
    for value in values {
      guard
        let method = try? model.methods.method(type, base.merging([key: value]) { $1 })
      else { break }
      let counts = method.composition.tokensAfterBlocks
      if counts.last == tokens.tokens { continue }
      // Stronger settings that remove no more tokens are duplicates.
      if counts == methods.last?.composition.tokensAfterBlocks { continue }
      methods.append(method)
    }
    let stride = (methods.count + RSearcher.maxMatched - 1) / RSearcher.maxMatched
    return methods.enumerated().filter { $0.offset % max(stride, 1) == 0 }.map(\.element)
  }
}

extension PlanBuilder {
  /// Adds the rows of the accuracy-matched table: the baseline, and of each method the fastest
  /// setting within the drop.
  mutating func addMatched(_ table: Table) throws {
    guard let points = planner.spec.matchedDrop, let dataset = table.raceDataset,
      let place = table.place
    else { return }
    let match = AccuracyMatch(table: table, dataset: dataset, points: points)
    var missing = 0
    var chosen: [(PlannedMethod, RaceStop)] = []
    for type in AccuracyMatch.types(of: planner.spec) {
      switch try match.decide(type, in: &self) {
      case .chosen(let method, let stop): chosen.append((method, stop))
      case .waiting(let trials): missing += trials
      case .unmet(let reason):
        let unmet = "\(self.place(of: table)): \(reason)"
        if !plan.unmet.contains(unmet) { plan.unmet.append(unmet) }
      }
    }
    guard missing == 0 else {
      // Known settings are not timed before the others, which share their rounds.
      waiting.insert(place)
      plan.matching += 1
      return
    }
    guard !chosen.isEmpty else { return }
    let baseline = try planner.models[table.model].unreduced()
    try addMatched(baseline, .decided, reason: nil, dataset, table, place)
    for (method, stop) in chosen {
      try addMatched(
        method, stop, reason: .accuracyDropTarget(points: points), dataset, table, place)
    }
  }

  private mutating func addMatched(
    _ method: PlannedMethod, _ stop: RaceStop, reason: RowReason?, _ dataset: PlannedDataset,
    _ table: Table, _ place: LatencyPlace
  ) throws {
    addLatency(method, at: place)
    var row = row(method, reason, table)
    row.dataset = accuracyPlace(dataset, table).dataset
    row.race = RaceStanding(untilPoints: nil, stop: stop)
    plan.rows.append(row)
  }
}
