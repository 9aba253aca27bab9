import Measurement
import Records
import Support

/// The verdict on the timings of a report: one sentence for its beginning.
package struct TimingVerdict: Hashable, Sendable {
  /// The sentence.
  package let text: String

  /// `nil` if every timing is reliable.
  init?(_ groups: [RowGroup], _ staircases: [Staircase], command: String?) {
    let rows = groups.flatMap(\.rows).filter { $0.latency != nil }
    let points = staircases.flatMap(\.points)
    func told(_ rowCount: Int, _ pointCount: Int) -> String? {
      let parts = [
        Self.part(rowCount, of: rows.count, "row"),
        Self.part(pointCount, of: points.count, "grid point"),
      ].compactMap { $0 }
      return parts.isEmpty ? nil : parts.joined(separator: " and ")
    }
    func count(_ flaw: TimingFlaw) -> String? {
      told(rows.count { $0.flaws.contains(flaw) }, points.count { $0.flaws.contains(flaw) })
    }
    var reasons: [String] = []
    if let disturbed = count(.mostRoundsDisturbed) {
      let rounds =
        (rows.filter { $0.flaws.contains(.mostRoundsDisturbed) }
        .compactMap { $0.latency?.quality }
        + points.filter { $0.flaws.contains(.mostRoundsDisturbed) }.compactMap(\.quality))
        .flatMap(\.disturbed)
      let share = Int((100 * (rounds.map(\.share).max() ?? 0)).rounded())
      let causes = Disturbance.words(rounds)
      reasons.append(
        "in most rounds of \(disturbed) \(causes.isEmpty ? "the machine was busy" : causes)"
          + (share > 0 ? " (up to \(share) % of the cores' time)" : ""))
    }
    if let wide = count(.wideInterval) {
      reasons.append(
        "the 95 % interval of \(wide) is wider than ±\(Int((100 * Reliability.widest).rounded())) %"
      )
    }
    let isDisturbed = !reasons.isEmpty
    let few = told(rows.count(where: \.hasFewSamples), points.count(where: \.hasFewSamples))
    if let few {
      reasons.append(
        "fewer than \(Reliability.minSamplesJudged) timings were taken of \(few), too few for a 95 % "
          + "interval")
    }
    guard !reasons.isEmpty else { return nil }
    let remedy =
      isDisturbed
      ? "run again on an idle machine" + (command.map { " with `\($0)`" } ?? "")
      : "let the spec's \"latency\" and \"grid\" take more"
    text =
      "Timings are not reliable: \(reasons.joined(separator: "; ")). No front, ▼, step or R is "
      + "derived from them; \(remedy)"
  }

  private static func part(_ count: Int, of all: Int, _ word: String) -> String? {
    count == 0 ? nil : "\(grouped(count)) of \(grouped(all)) \(noun(all, word))"
  }
}

extension Disturbance {
  /// The reasons why rounds were disturbed, for example `other programs ran and threads waited for
  /// a core`.
  static func words(_ rounds: [DisturbedRound]) -> String {
    let found = Set(rounds.flatMap(\.reasons))
    let words = Disturbance.allCases.filter(found.contains).map(\.words)
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " and " + last
  }

  private var words: String {
    switch self {
    case .stolenTime: "the hypervisor ran other guests"
    case .otherProcesses: "other programs ran"
    case .runQueueWait: "threads waited for a core"
    case .preemption: "threads were taken off their cores"
    }
  }
}

extension RowGroup {
  /// Whether its latencies are predicted and not measured.
  var isSimulated: Bool { device?.simulated != nil }

  /// A note that the latencies are predicted, with the error of such predictions; `nil` if they are
  /// measured.
  package var simulatedText: String? {
    device?.simulated.map { "simulated: every latency here is predicted; \($0.errorText)" }
  }

  /// How many rounds were left out of the table's timings, and why; `nil` if none was.
  package var droppedText: String? {
    let timings = rows.compactMap { $0.latency?.quality }.filter { $0.droppedRounds > 0 }
    guard let maximum = timings.max(by: { $0.droppedRounds < $1.droppedRounds }) else { return nil }
    let rounds = timings.flatMap { $0.disturbed.filter { $0.droppedMilliseconds != nil } }
    let fewest = timings.map(\.droppedRounds).min() ?? 0
    let span = fewest == maximum.droppedRounds ? "\(fewest)" : "\(fewest)–\(maximum.droppedRounds)"
    return "left out as disturbed: \(span) of \(maximum.rounds) rounds, in which "
      + Disturbance.words(rounds)
  }
}
