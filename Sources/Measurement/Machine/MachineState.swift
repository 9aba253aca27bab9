import Foundation
import Support

/// The state of the machine at one moment: clocks and load.
package struct MachineState: Hashable, Sendable {
  /// The clock rate of each core in MHz; empty if the system does not report it.
  package var clocksMHz: [Double]
  /// Load average of the last minute.
  package var loadAverage: Double?

  package init(clocksMHz: [Double], loadAverage: Double?) {
    self.clocksMHz = clocksMHz
    self.loadAverage = loadAverage
  }

  /// The current state.
  package static func now() -> MachineState {
    var loads = [Double](repeating: 0, count: 1)
    let load = getloadavg(&loads, 1) == 1 ? loads[0] : nil
    return MachineState(clocksMHz: clocks(), loadAverage: load)
  }

  private static func clocks() -> [Double] {
    #if os(Linux)
      let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
      return Processor.values(of: "cpu MHz", in: text).compactMap(Double.init)
    #else
      return []
    #endif
  }
}
