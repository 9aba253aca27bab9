import Measurement
import Records
import TokenReduction

/// Chooses `r` for the rows of one table from the records, and requests missing ones.
struct RSearcher {
  /// The state of a row.
  enum Decision {
    /// One row, or one for each row that it is matched with.
    case chosen([(method: PlannedMethod, reason: RowReason?)])
    /// The number of trials that have to be measured first.
    case waiting(Int)
    /// Everything is measured, and no setting meets the request.
    case unmet(String)
  }

  let table: PlanBuilder.Table
  /// The utility of the grids, once it has been requested.
  private var utility: Grid?

  private enum Grid {
    case waiting(Int)
    case measured(TailEffectUtility)
    /// Too many of its timings are not reliable.
    case unreliable
  }

  init(table: PlanBuilder.Table) { self.table = table }

  /// The row or rows for a choice in the spec.
  ///
  /// - Throws: A `ParameterProblem`.
  mutating func decide(_ choice: MethodChoice, in builder: inout PlanBuilder) throws -> Decision {
    let model = builder.planner.models[table.model]
    guard let search = choice.search else {
      return .chosen([(try model.method(choice), nil)])
    }
    switch search {
    case .utility(let alpha):
      return try byUtility(choice, alpha: alpha, in: &builder)
    case .withinLatency, .withinDrop:
      return try byTarget(choice, search, in: &builder)
    case .asFastAs(let method):
      return try byLatency(of: method, choice, in: &builder)
    }
  }

  // MARK: The highest utility

  private mutating func byUtility(
    _ choice: MethodChoice, alpha: Double, in builder: inout PlanBuilder
  ) throws -> Decision {
    let model = builder.planner.models[table.model]
    let grid: Grid
    if let utility { grid = utility } else { grid = try measureGrid(in: &builder) }
    utility = grid
    switch grid {
    case .waiting(let missing): return .waiting(missing)
    case .unreliable:
      return .unmet("r cannot be chosen by alpha, since \(Self.unreliable("the latency grid"))")
    case .measured(let utility):
      guard let method = Self.best(choice, utility, alpha: alpha, model) else {
        return .unmet(
          table.isRecorded(in: builder)
            ? "r cannot be chosen, since no latency grid of that device is recorded; run `lab profile` "
              + "on it and copy its .jsonl files here"
            : "r cannot be chosen, since every trial of the grid failed")
      }
      return .chosen([(method, .alpha(alpha))])
    }
  }

  /// The method with the R of the highest utility that it can remove.
  private static func best(
    _ choice: MethodChoice, _ utility: TailEffectUtility, alpha: Double, _ model: PlannedModel
  ) -> PlannedMethod? {
    let geometry = model.info.tokens
    for tokens in utility.ranked(alpha: alpha) {
      let r = max(0, min(geometry.tokens - tokens, geometry.patchTokens - 2))
      if let method = try? model.method(choice, r: r) {
        return staged(method, choice, utility, alpha: alpha, model) ?? method
      }
    }
    return nil
  }

  /// The same, with every intermediate token count chosen from the grids too: the one with the
  /// highest utility that is nearer to its own even share than to its neighbors'.
  ///
  /// `nil` if tokens are removed at one block, or if the method cannot remove that many at once.
  private static func staged(
    _ even: PlannedMethod, _ choice: MethodChoice, _ utility: TailEffectUtility, alpha: Double,
    _ model: PlannedModel
  ) -> PlannedMethod? {
    let steps = even.composition.steps
    guard steps.count > 1 else { return nil }
    var counts = even.composition.tokensAfterBlocks
    for step in steps.dropLast() {
      let reach = (step.tokensIn - step.tokensOut) / 2
      let near = (step.tokensOut - reach)...(step.tokensOut + reach)
      guard let chosen = utility.ranked(alpha: alpha).first(where: near.contains) else { continue }
      for block in counts.indices where counts[block] == step.tokensOut { counts[block] = chosen }
    }
    guard counts != even.composition.tokensAfterBlocks else { return nil }
    var parameters = choice.parameters.filter { !["schedule", "layers", "layer"].contains($0.key) }
    parameters[Schedule.tokens.name] = .array(counts.map { .integer($0) })
    return try? model.methods.method(choice.method, parameters)
  }

  private func measureGrid(in builder: inout PlanBuilder) throws -> Grid {
    guard var place = table.place, let dataset = table.gridDataset else { return .waiting(0) }
    place.set = .grid
    let model = builder.planner.models[table.model]
    let geometry = model.info.tokens
    let seed = builder.planner.spec.seed
    var latencyByTokens: [Int: Double] = [:]
    var accuracyByTokens: [Int: Double] = [:]
    var missing = 0
    var unreliable = 0
    for tokens in builder.gridTokens(at: place, geometry) {
      let timed = try SearchGrid.method(tokens: tokens, seed: seed, model)
      switch builder.latency(of: timed, at: place) {
      case .value(let median): latencyByTokens[tokens] = median
      case .missing: missing += 1
      case .unreliable: unreliable += 1
      case .givenUp: break
      }
      let judged = try SearchGrid.accuracyMethod(tokens: tokens, seed: seed, model)
      switch builder.accuracy(of: judged, on: dataset, table) {
      case .value(let share): accuracyByTokens[tokens] = share
      case .missing: missing += 1
      case .givenUp, .unreliable: break
      }
    }
    if missing > 0 { return .waiting(missing) }
    let sound = latencyByTokens.count
    if unreliable > 0, !Reliability.suffices(sound: sound, of: sound + unreliable) {
      return .unreliable
    }
    return .measured(
      TailEffectUtility(latencyByTokens: latencyByTokens, accuracyByTokens: accuracyByTokens))
  }

  /// Why nothing is chosen from timings.
  static func unreliable(_ timings: String) -> String {
    "the timings of \(timings) are not reliable; on an idle machine the same command takes them again"
  }

  // MARK: A target

  private struct Candidate {
    let method: PlannedMethod
    let latency: Double
    let accuracy: Double
  }

  private func byTarget(
    _ choice: MethodChoice, _ search: RSearch, in builder: inout PlanBuilder
  ) throws -> Decision {
    guard var place = table.place, let dataset = table.gridDataset else { return .waiting(0) }
    place.set = .candidates
    var missing = 0
    let none = try builder.planner.models[table.model].unreduced()
    let baseline = builder.accuracy(of: none, on: dataset, table)
    if baseline == .missing { missing += 1 }
    var candidates: [Candidate] = []
    var unreliable = 0
    for method in try tried(choice, builder) {
      let latency = builder.latency(of: method, at: place)
      let accuracy = builder.accuracy(of: method, on: dataset, table)
      missing += [latency, accuracy].count { $0 == .missing }
      if latency == .unreliable { unreliable += 1 }
      if case .value(let median) = latency, case .value(let share) = accuracy {
        candidates.append(Candidate(method: method, latency: median, accuracy: share))
      }
    }
    guard missing == 0 else { return .waiting(missing) }
    let sound = candidates.count
    if unreliable > 0, !Reliability.suffices(sound: sound, of: sound + unreliable) {
      return .unmet(
        "r cannot be chosen for \(search.specText), since \(Self.unreliable("its settings"))")
    }
    guard !candidates.isEmpty, case .value(let share) = baseline else {
      return .unmet("r cannot be chosen for \(search.specText), since its trials failed")
    }
    guard let best = Self.best(candidates, search, baseline: share) else {
      return .unmet(Self.shortfall(candidates, search, baseline: share))
    }
    return .chosen([(best.method, Self.reason(search))])
  }

  /// Every R of the grid at every layer that the choice tries.
  private func tried(_ choice: MethodChoice, _ builder: PlanBuilder) throws -> [PlannedMethod] {
    let model = builder.planner.models[table.model]
    let geometry = model.info.tokens
    var methods: [PlannedMethod] = []
    for layer in choice.layers {
      var parameters = choice.parameters
      parameters["layer"] = layer
      let point = MethodChoice(path: choice.path, method: choice.method, parameters: parameters)
      for tokens in builder.planner.spec.grid.tokenCounts(geometry) {
        let r = geometry.tokens - tokens
        // If no token is removed, all layers are equivalent.
        guard r <= geometry.patchTokens - 2, r > 0 || layer == choice.layers.first else {
          continue
        }
        let method = try model.method(point, r: r)
        if !methods.contains(method) { methods.append(method) }
      }
    }
    return methods
  }

  private static func best(
    _ candidates: [Candidate], _ search: RSearch, baseline: Double
  ) -> Candidate? {
    switch search {
    case .withinLatency(let limit):
      candidates.filter { $0.latency <= limit }
        .max { ($0.accuracy, $1.latency) < ($1.accuracy, $0.latency) }
    case .withinDrop(let points):
      // A tolerance of a billionth allows for rounding.
      candidates.filter { 100 * (baseline - $0.accuracy) <= points + 1e-9 }
        .min { ($0.latency, $1.accuracy) < ($1.latency, $0.accuracy) }
    case .utility, .asFastAs: nil
    }
  }

  private static func reason(_ target: RSearch) -> RowReason? {
    switch target {
    case .withinLatency(let limit): .latencyTarget(milliseconds: limit)
    case .withinDrop(let points): .accuracyDropTarget(points: points)
    case .utility, .asFastAs: nil
    }
  }

  /// Why none of the tried settings meets the request.
  private static func shortfall(
    _ candidates: [Candidate], _ search: RSearch, baseline: Double
  ) -> String {
    func rounded(_ value: Double) -> String {
      JSONValue.number((value * 100).rounded() / 100).shortText
    }
    let count = "none of the \(candidates.count) settings tried"
    if case .withinLatency(let limit) = search {
      let fastest = candidates.map(\.latency).min() ?? 0
      return
        "\(count) takes at most \(JSONValue.number(limit).shortText) ms; the fastest takes \(rounded(fastest)) ms"
    }
    let minimum = candidates.map { 100 * (baseline - $0.accuracy) }.min() ?? 0
    return
      "\(count) is within the drop (\(search.specText)); the least drop is \(rounded(minimum)) points"
  }
}

extension PlanBuilder.Table {
  /// Whether its latency comes from another machine.
  func isRecorded(in builder: PlanBuilder) -> Bool {
    guard let place, case .recorded = builder.planner.places[place.device] else { return false }
    return true
  }
}
