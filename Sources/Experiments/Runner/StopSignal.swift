import Foundation
import Synchronization

/// Whether the user asked the program to stop, by Ctrl-C, `kill` or closing the terminal.
package enum StopSignal {
  private static let requests = Atomic<Int>(0)

  /// Whether the work should end at the next batch.
  package static var isRequested: Bool { requests.load(ordering: .relaxed) > 0 }

  /// Makes SIGINT, SIGTERM and SIGHUP request the end of the work; a second signal ends the program
  /// immediately.
  ///
  /// A killed program loses no record either, so a second signal does no harm.
  package static func install() {
    // Touched before any signal, since a handler may not initialize anything.
    _ = isRequested
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number) { received in
        if StopSignal.requests.add(1, ordering: .relaxed).newValue > 1 {
          signal(received, SIG_DFL)
          raise(received)
        }
      }
    }
    // A full disk is an error of `write`, not the end of the program.
    signal(SIGXFSZ, SIG_IGN)
  }
}
