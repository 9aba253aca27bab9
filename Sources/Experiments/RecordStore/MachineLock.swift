import Foundation

/// Keeps the processes of one machine from disturbing each other's timings.
///
/// A process that takes timings locks the machine exclusively; processes that only compute share
/// it. A waiting timing process holds a second lock, so that computing processes let it in after
/// their current piece of work.
package struct MachineLock {
  private let path: String

  /// - Parameter folder: The same for all processes of the machine.
  package init(folder: URL = FileManager.default.temporaryDirectory) {
    path = folder.appendingPathComponent("lab-machine-\(getuid())").path
  }

  /// Locks the machine, shared with other computing processes or exclusively, until the lock is
  /// released.
  ///
  /// - Parameters:
  ///   - alone: Whether timings are to be taken.
  ///   - shouldStop: Asked while waiting.
  ///   - waiting: Called once if it must wait for another process.
  ///
  /// Returns `nil` if the temporary folder cannot be written or locked; processes are then not kept
  /// apart. Errors: `ExperimentsError.interrupted` if `shouldStop` returns `true`,
  /// `.heldByStopped`.
  package func take(alone: Bool, shouldStop: () -> Bool, waiting: () -> Void) throws -> FileLock? {
    var hasWaited = false
    var holders = StoppedHolders()
    func lock(_ name: String, _ mode: Int32) throws -> FileLock? {
      let descriptor = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { return nil }
      let lock = FileLock(descriptor: descriptor)
      while flock(descriptor, mode | LOCK_NB) != 0 {
        guard errno == EWOULDBLOCK else { return nil }
        if !hasWaited { waiting() }
        hasWaited = true
        if shouldStop() { throw ExperimentsError.interrupted }
        try holders.check([path, path + "-turn"])
        usleep(50_000)
      }
      return lock
    }
    let turnstile = try lock(path + "-turn", LOCK_EX)
    return try withExtendedLifetime(turnstile) { try lock(path, alone ? LOCK_EX : LOCK_SH) }
  }
}
