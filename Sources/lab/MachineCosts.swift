import Experiments
import Foundation

/// The time that a plan takes on several identical machines, from the expected seconds of its
/// trials.
struct MachineCosts {
  private let rows: [(count: Int, longest: Double, total: Double)]

  init(_ runner: Runner, _ plan: Plan, machines: [Int]) {
    rows = machines.map { count in
      let seconds = runner.expectedSeconds(plan, shares: count)
      return (count, seconds.max() ?? 0, seconds.reduce(0, +))
    }
  }

  /// A table: the time of the busiest machine, the sum over all machines, and the fraction of the
  /// allocated time in which they work.
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
