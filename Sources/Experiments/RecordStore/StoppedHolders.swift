import Foundation

/// Detects that awaited locks are held by stopped processes (Ctrl-Z, SIGSTOP).
///
/// A running process eventually releases its locks, and a dead one does so immediately; a stopped
/// one keeps them.
struct StoppedHolders {
  /// How long a process may be stopped before that is an error.
  static let patience = Duration.seconds(5)

  private var since: ContinuousClock.Instant?
  private var lastLook: ContinuousClock.Instant?

  /// Checks from time to time which processes hold the locked files at `paths`.
  ///
  /// - Throws: `ExperimentsError.heldByStopped` once every holder has been stopped for a while.
  mutating func check(_ paths: [String]) throws {
    let now = ContinuousClock.now
    if let lastLook, now - lastLook < .seconds(1) { return }
    lastLook = now
    let holders = Self.holders(of: paths)
    guard !holders.isEmpty, holders.allSatisfy(Self.isStopped) else {
      since = nil
      return
    }
    if let since, now - since >= Self.patience {
      throw ExperimentsError.heldByStopped(processes: holders.sorted())
    }
    since = since ?? now
  }

  /// The processes that hold `flock(2)` locks on the files; empty if the system does not report
  /// them.
  static func holders(of paths: [String]) -> Set<Int32> {
    let files = Set(
      paths.compactMap { path -> String? in
        var found = stat()
        return stat(path, &found) == 0 ? "\(found.st_ino)" : nil
      })
    guard !files.isEmpty, let table = try? String(contentsOfFile: "/proc/locks", encoding: .utf8)
    else { return [] }
    var holders: Set<Int32> = []
    // `1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`; who waits has `->` after the number.
    for line in table.split(separator: "\n") {
      let fields = line.split(separator: " ", omittingEmptySubsequences: true)
      guard fields.count >= 6, fields[1] == "FLOCK", let process = Int32(fields[4]), process > 0,
        let file = fields[5].split(separator: ":").last, files.contains(String(file))
      else { continue }
      holders.insert(process)
    }
    return holders
  }

  private static func isStopped(_ process: Int32) -> Bool {
    let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
    // The name before the state is in brackets, and may hold any.
    let state = status?.split(separator: ")").last?.split(separator: " ").first
    return state == "T" || state == "t"
  }
}
