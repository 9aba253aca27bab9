import Files
import Foundation

/// Downloads one file of a repository into the cache's `blobs`, completely or not at all.
///
/// An interrupted transfer is kept in `HASH.incomplete`, from where the next one continues. A lock
/// lets only one process download a file; others wait for it.
struct Download {
  let hub: Hub
  let reference: HubReference
  let info: Hub.FileInfo

  private var blob: URL { hub.cache.blob(reference, info.hash) }
  private var incomplete: URL { blob.appendingPathExtension("incomplete") }
  private var shown: String { "\(reference.repository)/\(info.name)" }

  /// - Throws: `HubError`.
  func run() throws(HubError) {
    let lock = hub.cache.lock(reference, info.hash)
    try hub.noting {
      for folder in [blob, lock].map({ $0.deletingLastPathComponent() }) {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      }
    }
    let descriptor = open(lock.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw unusable(lock) }
    defer { close(descriptor) }
    var hasReportedWait = false
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR else { throw unusable(lock) }
      if !hasReportedWait { hub.listener.waits(shown) }
      hasReportedWait = true
      usleep(100_000)
    }
    guard !FileManager.default.fileExists(atPath: blob.path) else { return }
    try transfer()
    try verify()
    guard rename(incomplete.path, blob.path) == 0 else { throw unusable(blob) }
  }

  private func unusable(_ url: URL) -> HubError {
    .cacheUnusable(path: url.path, reason: systemReason())
  }

  // MARK: The transfer

  private func transfer() throws(HubError) {
    let file = open(incomplete.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw unusable(incomplete) }
    defer { close(file) }
    var received = Int(lseek(file, 0, SEEK_END))
    // More than there is cannot be a beginning of it.
    if let bytes = info.bytes, received > bytes { received = 0 }
    try checkRoom(for: (info.bytes ?? received) - received)
    hub.listener.begins(
      shown, bytes: info.bytes, received: received, from: hub.settings.endpoint,
      into: hub.settings.cache.path)
    defer { hub.listener.ends(shown) }
    var pauses = hub.settings.pauses[...]
    var furthest = received
    while received != info.bytes {
      let problem = try request(into: file, &received)
      guard let problem else {
        if info.bytes == nil { return }
        continue
      }
      // It continues as long as new bytes arrive.
      if received > furthest { pauses = hub.settings.pauses[...] }
      furthest = max(furthest, received)
      guard let pause = pauses.popFirst() else {
        throw .broken(file: shown, received: received, of: info.bytes, reason: problem)
      }
      hub.listener.triesAgain(shown, reason: problem)
      Thread.sleep(forTimeInterval: pause)
    }
  }

  /// One request for the missing bytes; returns its error, `nil` if it succeeded.
  private func request(into file: Int32, _ received: inout Int) throws(HubError) -> String? {
    let client = try HTTPClient(token: hub.settings.token, patience: hub.settings.patience)
    let address = hub.address(info.name, of: reference, at: info.commit)
    let start = received
    var at = received
    var failure: Int32 = 0
    let maximum = info.bytes
    var isTooLong = false
    let answer: HTTPAnswer
    do throws(HTTPClient.Broken) {
      answer = try client.get(address, from: start) { answer, bytes in
        guard answer.status == 200 || answer.status == 206 else { return true }
        if let maximum, at + bytes.count > maximum {
          isTooLong = true
          return false
        }
        var written = 0
        while written < bytes.count {
          guard let base = bytes.baseAddress else { break }
          let count = pwrite(file, base + written, bytes.count - written, off_t(at + written))
          if count < 0, errno == EINTR { continue }
          guard count > 0 else {
            failure = errno
            return false
          }
          written += count
        }
        at += bytes.count
        hub.listener.progress(shown, received: at, of: maximum)
        return true
      }
    } catch {
      received = at
      if failure != 0 {
        throw .cacheUnusable(path: incomplete.path, reason: systemReason(failure))
      }
      if isTooLong {
        unlink(incomplete.path)
        throw .wrongSize(file: shown, expected: maximum ?? 0, found: at + 1)
      }
      if error.knowsNoRanges { received = 0 }
      return error.reason
    }
    received = at
    // The kept bytes do not belong to the current file.
    if answer.status == 416 {
      received = 0
      _ = ftruncate(file, 0)
      return "the server has no bytes after \(start)"
    }
    if answer.status >= 500 || answer.status == 429 {
      let after = answer.headers["retry-after"].flatMap(Double.init) ?? 0
      if answer.status == 429, after > 10 { try hub.check(answer, address, reference) }
      return "the server answers with status \(answer.status)"
    }
    try hub.check(answer, address, reference)
    _ = ftruncate(file, off_t(at))
    if let maximum, at < maximum { return "it ended after \(at) of \(maximum) bytes" }
    return nil
  }

  private func checkRoom(for bytes: Int) throws(HubError) {
    let folder = blob.deletingLastPathComponent()
    var found = statvfs()
    guard statvfs(folder.path, &found) == 0 else { return }
    let free = Int(found.f_bavail) * Int(found.f_frsize)
    guard bytes <= free else { throw .diskFull(folder: folder.path, needed: bytes, free: free) }
  }

  // MARK: The check

  private func verify() throws(HubError) {
    let (size, found) = try digest()
    if let bytes = info.bytes, size != bytes {
      unlink(incomplete.path)
      throw .wrongSize(file: shown, expected: bytes, found: size)
    }
    guard found == info.hash else {
      unlink(incomplete.path)
      throw .wrongHash(file: shown, expected: info.hash, found: found)
    }
  }

  /// Checks the file's size and the hash that the Hub gives: SHA-256, or git's SHA-1.
  private func digest() throws(HubError) -> (size: Int, hash: String) {
    let file = open(incomplete.path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw unusable(incomplete) }
    defer { close(file) }
    let size = Int(lseek(file, 0, SEEK_END))
    lseek(file, 0, SEEK_SET)
    var sha256 = SHA256()
    var git = SHA1()
    let isGit = info.hash.count == 40
    // git hashes what a file is before what is in it.
    if isGit { git.update(data: Data("blob \(size)\0".utf8)) }
    var part = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = read(file, &part, part.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw unusable(incomplete) }
      if count == 0 { break }
      if isGit { git.update(data: part[..<count]) } else { sha256.update(data: part[..<count]) }
    }
    let hash = isGit ? git.finalize() : sha256.finalize()
    return (size, hash.hexadecimal)
  }
}
