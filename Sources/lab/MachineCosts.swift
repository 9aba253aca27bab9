import Experiments
import Foundation

/// How long a plan takes on several machines that are alike, from the expected seconds of its
/// trials.
struct MachineCosts {
  private let rows: [(count: Int, longest: Double, total: Double)]

  init(_ runner: Runner, _ plan: Plan, machines: [Int]) {
    rows = machines.map { count in
      let seconds = runner.expectedSeconds(plan, shares: count)
      return (count, seconds.max() ?? 0, seconds.reduce(0, +))
    }
  }

  /// A table: what the machine with most to do takes, the sum over all, and how much of the time in
  /// which they are held they work.
  var text: String {
    let cells =
      [["machines", "time", "machine hours", "at work"]]
      + rows.map { row in
        let held = row.longest * Double(row.count)
        let share = held > 0 ? String(format: "%.0f %%", 100 * row.total / held) : ""
        return [
          "\(row.count)", PlanText.duration(row.longest), String(format: "%.1f", held / 3600),
          share,
        ]
      }
    let widths = (0..<4).map { column in cells.map { $0[column].count }.max() ?? 0 }
    return cells.map { row in
      zip(row, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }
        .joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
