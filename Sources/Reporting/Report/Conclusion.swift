import Measurement
import Support

extension Report {
  /// The conclusion from the tables, in one sentence; `nil` if there is nothing to compare.
  package var conclusion: String? {
    let compared = tables.filter { group in
      group.rows.contains { $0.speedup != nil || $0.change != nil }
    }
    guard !compared.isEmpty else { return nil }
    let timed = compared.flatMap(\.rows).filter { $0.latency != nil }
    if !timed.isEmpty, timed.allSatisfy({ !$0.isReliable }) {
      return "No conclusion: no timing is reliable."
    }
    var kinds: [String] = []
    var parts: [String: [String]] = [:]
    let titles = SharedTitle(compared)
    for group in compared {
      let (kind, winner) = group.conclusion
      if parts[kind] == nil { kinds.append(kind) }
      let place = compared.count > 1 ? titles.panelTitle(of: group) : ""
      parts[kind, default: []].append((place.isEmpty ? "" : "\(place): ") + winner)
    }
    return kinds.map { kind in
      let all = parts[kind] ?? []
      let shown = all.prefix(Self.maxPlaces).joined(separator: "; ")
      let rest = all.count - Self.maxPlaces
      return "\(kind): \(shown)\(rest > 0 ? "; \(counted(rest, "more table"))" : "")"
    }.joined(separator: ". ") + "."
  }

  /// The maximum number of configurations in the sentence.
  private static let maxPlaces = 4
}

extension RowGroup {
  /// The quantities by which its rows are compared, and the best row.
  fileprivate var conclusion: (kind: String, winner: String) {
    let hasAccuracy = rows.contains { $0.accuracy != nil }
    guard rows.contains(where: { $0.speedup != nil }) else {
      return ("Fewest multiply-adds for at most one percentage point", leanest)
    }
    guard hasAccuracy else {
      let best = rows.filter { $0.speedup?.isFaster == true }
        .max { ($0.speedup?.ratio ?? 0) < ($1.speedup?.ratio ?? 0) }
      let none = isWhollyReliable ? "the baseline" : noWinner
      return (fastest, best.map { "\($0.label) (\($0.speedup?.text ?? ""))" } ?? none)
    }
    let kind = "\(fastest) that loses at most one percentage point"
    guard let best = fastestWithinPoint else { return (kind, noWinner) }
    return (kind, "\(best.label) (\(best.speedup?.text ?? ""), \(best.changeText))")
  }

  private var isWhollyReliable: Bool {
    rows.allSatisfy { $0.speedup == nil || $0.isReliable }
  }

  /// A phrase that no row is faster, as far as the timings show.
  private var noWinner: String {
    if isWhollyReliable { return "none is faster than the baseline" }
    return rows.contains { $0.speedup != nil && $0.isReliable }
      ? "none is known to be faster than the baseline" : "no timing is reliable"
  }

  private var fastest: String { isSimulated ? "Predicted to be the fastest" : "Fastest" }

  /// The row with the fewest multiply-adds among those that lose little accuracy.
  private var leanest: String {
    let base = rows.first(where: \.isBaseline)?.macs
    let candidates = rows.filter { row in
      row.change.map { $0.points >= -1 } == true && row.isWellKnown
        && (row.macs ?? .max) < (base ?? .max)
    }
    guard let best = candidates.min(by: { ($0.macs ?? .max) < ($1.macs ?? .max) }),
      let macs = best.macs
    else { return "none needs fewer than the baseline" }
    let share = base.map {
      ", \(Int((100 * Double(macs) / Double($0)).rounded())) % of the baseline's"
    }
    return "\(best.label) (\(significant(Double(macs) / 1e9, 3)) GMACs\(share ?? ""), "
      + "\(best.changeText))"
  }

  /// The fastest row that loses little accuracy; `nil` if none is faster than the baseline.
  var fastestWithinPoint: Row? {
    rows.filter { row in
      guard let change = row.change, let speedup = row.speedup else { return false }
      return change.points >= -1 && speedup.isFaster && row.isWellKnown
    }.max { ($0.speedup?.ratio ?? 0) < ($1.speedup?.ratio ?? 0) }
  }
}

extension Row {
  /// For example `−0.4 pp ≈`.
  fileprivate var changeText: String {
    change.map {
      signed($0.points, digits: $0.digits) + " pp"
        + ($0.isWithinNoise ? " \(Mark.withinNoise)" : "")
    } ?? ""
  }
}
