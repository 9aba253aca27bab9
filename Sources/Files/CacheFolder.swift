import Foundation

/// The folder in which compiled, searched and timed results are cached between runs.
package struct CacheFolder: Sendable {
  /// `nil` if nothing can be written; everything is then computed again.
  package let url: URL?

  /// No program that is kept is as large.
  private static let maxBytes = 1 << 28

  package init(_ url: URL?) { self.url = url }

  /// A folder in `LAB_CACHE`, else in `lab` in the user's cache folder.
  package static func ofThisUser(
    _ name: String, _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> CacheFolder {
    func folder(_ variable: String, _ rest: String) -> URL? {
      guard let path = environment[variable], !path.isEmpty else { return nil }
      return URL(fileURLWithPath: path + rest)
    }
    let root =
      folder("LAB_CACHE", "") ?? folder("XDG_CACHE_HOME", "/lab") ?? folder("HOME", "/.cache/lab")
    return CacheFolder(root?.appendingPathComponent(name))
  }

  package func read(_ name: String) -> Data? {
    url.flatMap {
      try? RegularFile.data(at: $0.appendingPathComponent(name), maxBytes: Self.maxBytes)
    }
  }

  /// Writes a temporary file and renames it, so that another process sees all of it or nothing;
  /// failing costs only time later.
  package func write(_ data: Data, _ name: String) {
    guard let url else { return }
    try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try? WholeFile.write(data, to: url.appendingPathComponent(name))
  }

  package func remove(_ name: String) {
    if let url { try? FileManager.default.removeItem(at: url.appendingPathComponent(name)) }
  }
}
