import Measurement
import Records
import TokenReduction

extension RSearcher {
  /// Latencies that differ by at most this fraction count as equal.
  static let tolerance = 0.02

  /// The maximum number of values of `r` that a match tries.
  static let maxMatched = 40

  /// One row for each row of `other`, with the `r` whose latency is nearest to it.
  ///
  /// All are timed in one interleaved set, the other's rows included.
  func byLatency(
    of other: String, _ choice: MethodChoice, in builder: inout PlanBuilder
  ) throws -> Decision {
    guard var place = table.place else { return .chosen([]) }
    var searches = RSearcher(table: table)
    var references: [PlannedMethod] = []
    var unmet: String?
    for reference in builder.planner.spec.methods where reference.method.name == other {
      switch try searches.decide(reference, in: &builder) {
      case .chosen(let rows): references += rows.map(\.method).filter { !references.contains($0) }
      case .waiting(let missing): return .waiting(missing)
      case .unmet(let reason): unmet = reason
      }
    }
    if references.isEmpty { return .unmet(unmet ?? "there is no row of \(other) to match") }
    place.set = .match
    var missing = 0
    var unreliable = 0
    func median(_ method: PlannedMethod, _ builder: inout PlanBuilder) -> Double? {
      switch builder.latency(of: method, at: place) {
      case .value(let median): return median
      case .missing: missing += 1
      case .unreliable: unreliable += 1
      case .givenUp: break
      }
      return nil
    }
    let targets = references.map { ($0, median($0, &builder)) }
    let candidates = try matched(choice, builder).map { ($0, median($0, &builder)) }
    guard missing == 0 else { return .waiting(missing) }
    let sound = (targets + candidates).count { $0.1 != nil }
    if unreliable > 0, !Reliability.suffices(sound: sound, of: sound + unreliable) {
      return .unmet("r cannot be matched to \(other), since \(Self.unreliable("both"))")
    }
    let geometry = builder.planner.models[table.model].info.tokens
    let rows = targets.compactMap {
      reference, target -> (method: PlannedMethod, reason: RowReason?)? in
      guard let target else { return nil }
      let measured = candidates.compactMap { method, median in median.map { (method, $0) } }
      // Of several that are near enough, the one that keeps the most tokens, which comes first.
      let near = measured.first { abs($0.1 / target - 1) <= Self.tolerance }
      guard let best = near ?? measured.min(by: { abs($0.1 - target) < abs($1.1 - target) }) else {
        return nil
      }
      return (
        best.0,
        .latencyMatch(
          of: Self.distinguished(reference.setting, geometry), difference: best.1 / target - 1)
      )
    }
    return rows.isEmpty
      ? .unmet("r cannot be matched to \(other), since the trials failed") : .chosen(rows)
  }

  /// A method with its `r` and what else differs from its defaults.
  static func distinguished(
    _ method: MethodSetting, _ geometry: TokenGeometry
  ) -> MethodSetting {
    let standard = TokenReductionRegistry.method(named: method.name).flatMap { type in
      try? TokenReductionRegistry.resolve(
        method: type, parameters: method.parameters.filter { $0.key == "r" }, geometry: geometry)
    }
    let special = method.parameters.filter { key, value in
      key == "r" || standard?.parameters[key]?.canonical != value
    }
    return MethodSetting(name: method.name, parameters: special)
  }

  /// The method with every `r` that changes its token counts, thinned out if there are many.
  private func matched(_ choice: MethodChoice, _ builder: PlanBuilder) throws -> [PlannedMethod] {
    let model = builder.planner.models[table.model]
    let geometry = model.info.tokens
    var methods: [PlannedMethod] = []
    var left: Int?
    for r in 0...geometry.patchTokens {
      // The end is an r that the method refuses, or one that leaves no fewer tokens than the last.
      guard let method = try? model.method(choice, r: r),
        case let tokens = method.composition.tokensAfterBlocks.last, tokens != left
      else { break }
      left = tokens
      methods.append(method)
    }
    let stride = (methods.count + Self.maxMatched - 1) / Self.maxMatched
    return methods.enumerated().filter { $0.offset % max(stride, 1) == 0 }.map(\.element)
  }
}
