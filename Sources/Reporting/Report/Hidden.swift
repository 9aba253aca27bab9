import Records
import Support

/// Measured rows that a report leaves out because the last run did not request them.
package struct Hidden: Sendable {
  /// Rows of configurations that the report shows.
  package let rows: Int
  /// Devices that are not shown at all, with the number of their timings.
  package let devices: [(device: DeviceSetting, timings: Int)]

  /// What `report` leaves out of its records; points of a grid do not count as rows.
  package init(_ report: Report) {
    let shown = Set(report.groups.compactMap(\.device))
    var timings: [DeviceSetting: Int] = [:]
    var rows = 0
    let efforts = Set(
      report.groups.flatMap { group in
        group.rows.compactMap { row in
          group.latencyKey(of: row.method).flatMap { report.joined.latencies[$0]?.setting }
        }
      })
    for (key, timing) in report.joined.latencies {
      guard shown.contains(key.device) else {
        timings[key.device, default: 0] += 1
        continue
      }
      // Timings with other timing settings come from a search.
      guard !report.joined.catalog.isGrid(key.method),
        !report.joined.catalog.isBaseline(key.method),
        efforts.contains(timing.setting)
      else { continue }
      let isShown = report.groups.contains { group in
        group.latencyKey(of: key.method) == key && group.rows.contains { $0.method == key.method }
      }
      if !isShown { rows += 1 }
    }
    self.rows = rows
    devices = timings.map { (device: $0.key, timings: $0.value) }
      .sorted { ($0.device.name, $0.device.hardware) < ($1.device.name, $1.device.hardware) }
  }

  /// For example `3 timings of cpu: Neoverse N1, 4 threads`; `nil` if nothing is left out.
  package var text: String? {
    let others = devices.map { device, count in
      "\(grouped(count)) \(noun(count, "timing")) of \(device.text)"
    }
    let mine = rows == 0 ? [] : ["\(grouped(rows)) \(noun(rows, "row")) of earlier specs"]
    let parts = mine + others
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }
}
