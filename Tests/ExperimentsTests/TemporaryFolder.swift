import Foundation

/// A folder for one test, removed with this object.
final class TemporaryFolder {
  let url: URL
  private let isOwner: Bool

  /// A folder that another instance created and removes.
  init(at url: URL) {
    self.url = url
    isOwner = false
  }

  init() throws {
    isOwner = true
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("lab-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { if isOwner { try? FileManager.default.removeItem(at: url) } }

  /// Writes a file and returns its path.
  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    let file = url.appendingPathComponent(name)
    try Data(text.utf8).write(to: file)
    return file.path
  }

  func text(of name: String) throws -> String {
    try String(contentsOf: url.appendingPathComponent(name), encoding: .utf8)
  }

  /// The names of the visible files, sorted.
  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: url.path).filter { !$0.hasPrefix(".") }
      .sorted()
  }
}
