import Experiments
import Foundation
import Hub
import Synchronization

/// Reports what is downloaded, from where, to where, and the progress.
final class Downloads: HubListener {
  private struct State {
    var start = ContinuousClock.now
    var startBytes = 0
    var lastShown: ContinuousClock.Instant?
    var lineIsOpen = false
  }
  private let state = Mutex(State())
  private let isTerminal: Bool

  init(isTerminal: Bool = Console.errorIsTerminal) { self.isTerminal = isTerminal }

  func begins(
    _ file: String, bytes: Int?, received: Int, from endpoint: String, into folder: String
  ) {
    state.withLock { $0 = State(start: .now, startBytes: received) }
    let size = bytes.map(Self.text) ?? "of unknown size"
    let rest = received > 0 ? ", the first \(Self.text(received)) of it there already" : ""
    Console.note(
      "downloading \(file) (\(size)\(rest)) from \(endpoint) into \(folder)")
  }

  func progress(_ file: String, received: Int, of bytes: Int?) {
    state.withLock { state in
      let now = ContinuousClock.now
      let interval: Duration = isTerminal ? .milliseconds(100) : .seconds(10)
      if let last = state.lastShown ?? (isTerminal ? nil : state.start), now - last < interval {
        return
      }
      state.lastShown = now
      let seconds = max(
        1e-3,
        Double((now - state.start).components.seconds)
          + Double((now - state.start).components.attoseconds) * 1e-18)
      let rate = Double(received - state.startBytes) / seconds
      var text = Self.text(received) + (bytes.map { " of \(Self.text($0))" } ?? "")
      if rate > 0 {
        text += ", \(Self.text(Int(rate)))/s"
        if let bytes {
          text += ", about \(PlanText.duration(Double(bytes - received) / rate)) left"
        }
      }
      if isTerminal {
        Console.write("\r\u{1B}[2K\(text.prefix(max(20, Console.width - 1)))")
        state.lineIsOpen = true
      } else {
        Console.write("  \(text)\n")
      }
    }
  }

  func ends(_ file: String) { clear() }

  func waits(_ file: String) {
    clear()
    Console.note("another process is downloading \(file); waiting for it")
  }

  func triesAgain(_ file: String, reason: String) {
    clear()
    Console.note("\(file): \(reason); trying again from where it broke off")
  }

  private func clear() {
    state.withLock { state in
      if state.lineIsOpen { Console.write("\r\u{1B}[2K") }
      state.lineIsOpen = false
    }
  }

  /// A number of bytes as text, in the Hub's units.
  static func text(_ bytes: Int) -> String {
    switch bytes {
    case ..<1000: "\(bytes) bytes"
    case ..<1_000_000: String(format: "%.1f kB", Double(bytes) / 1e3)
    case ..<1_000_000_000: String(format: "%.1f MB", Double(bytes) / 1e6)
    default: String(format: "%.2f GB", Double(bytes) / 1e9)
    }
  }
}

extension Hub {
  /// The Hub with the settings of the environment and the options.
  static func here(isOffline: Bool) -> Hub {
    Hub(
      HubSettings(environment: ProcessInfo.processInfo.environment, isOffline: isOffline),
      listener: Downloads())
  }
}
