// `stdout` is a variable to Swift, which nobody here sets.
#if canImport(Glibc)
  @preconcurrency import Glibc
#else
  @preconcurrency import Darwin
#endif

/// Standard output, which is buffered.
enum StandardOutput {
  /// Flushes the buffer; returns the system's error number if any output was lost.
  static func flush() -> Int32? {
    errno = 0
    let hasFlushed = fflush(stdout) == 0
    let error = errno
    // An earlier write that failed has left its mark, not its number.
    guard !hasFlushed || ferror(stdout) != 0 else { return nil }
    return error == 0 ? ENOSPC : error
  }
}
