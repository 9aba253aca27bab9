import Experiments
import Foundation
import Measurement

/// Shows a run's progress on standard error: one line that changes on a terminal, plain lines
/// elsewhere.
final class TerminalProgress: ProgressListener {
  private let isTerminal: Bool
  private let stopwatch = MonotonicStopwatch()
  private var lastShown: Duration?
  private var lineIsOpen = false
  private static let refresh = Duration.milliseconds(100)
  private static let plainInterval = Duration.seconds(10)

  init(isTerminal: Bool = Console.errorIsTerminal) { self.isTerminal = isTerminal }

  func note(_ text: String) {
    clear()
    Console.note(text)
  }

  func advanced(_ progress: RunProgress) {
    let interval = isTerminal ? Self.refresh : Self.plainInterval
    let now = stopwatch.now
    if let lastShown, now - lastShown < interval { return }
    lastShown = now
    let text = Self.text(progress)
    if isTerminal {
      let line = String("\(Self.bar(progress.share)) \(text)".prefix(max(20, Console.width - 1)))
      Console.write("\r\u{1B}[2K\(line)")
      lineIsOpen = true
    } else {
      Console.write(text + "\n")
    }
  }

  /// Ends the changing line.
  func clear() {
    if lineIsOpen { Console.write("\r\u{1B}[2K") }
    lineIsOpen = false
  }

  /// The fraction as a bar of 20 cells and in percent.
  static func bar(_ share: Double) -> String {
    let full = Int((20 * share).rounded(.down))
    let percent = Int((100 * share).rounded(.down))
    return String(repeating: "█", count: full) + String(repeating: "░", count: 20 - full)
      + " \(percent) %"
  }

  static func text(_ progress: RunProgress) -> String {
    let rate = progress.rate.isEmpty ? "" : ", \(progress.rate)"
    let total = "\(progress.trialsDone) of \(progress.trialsTotal)"
    let known = progress.mayGrow ? "\(total) planned so far" : total
    let left = progress.secondsLeft.map {
      ", about \(PlanText.duration($0)) left" + (progress.mayGrow ? " of these" : "")
    }
    return "\(known)\(left ?? ""): \(progress.activity)\(rate)"
  }
}
