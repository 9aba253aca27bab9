import Files
import Foundation
import Synchronization

/// A local Hugging Face Hub for tests: repositories of files, with large files on a storage server
/// under another host name.
package final class HubServer: Sendable {
  package struct File: Sendable {
    package let data: Data
    /// Whether it is a large file, which is served by the storage server and named by its SHA-256.
    package let isLarge: Bool

    package init(_ data: Data, isLarge: Bool = true) {
      self.data = data
      self.isLarge = isLarge
    }

    package init(_ text: String) { self.init(Data(text.utf8), isLarge: false) }

    /// The SHA-256, or git's SHA-1 for a small file.
    package var hash: String {
      let bytes: [UInt8] =
        isLarge
        ? SHA256.hash(data: data) : SHA1.hash(data: Data("blob \(data.count)\0".utf8) + data)
      return bytes.hexadecimal
    }
  }

  /// Replaces a response in a test; `nil` leaves it unchanged.
  package typealias Change = @Sendable (LocalServer.Request, Int) -> LocalServer.Reply?

  /// The number of requests for each path.
  private final class Counts: Sendable {
    private let all = Mutex<[String: Int]>([:])

    /// Counts a request, and returns the number of previous ones.
    func add(_ key: String) -> Int {
      all.withLock { counts in
        counts[key, default: 0] += 1
        return counts[key, default: 1] - 1
      }
    }
  }

  package static let commit = String(repeating: "c0ffee00", count: 5)
  private let server: LocalServer

  /// - Parameters:
  ///   - repositories: Files by name, by `OWNER/NAME`.
  ///   - change: Called before each response with the request and the number of previous requests
  ///     with the same method and path.
  package init(_ repositories: [String: [String: File]], change: Change? = nil) throws {
    let counts = Counts()
    server = try LocalServer { request in
      let before = counts.add("\(request.method) \(request.path)")
      return change?(request, before) ?? Self.reply(request, repositories)
    }
  }

  package var address: String { server.address }
  package var requests: [LocalServer.Request] { server.requests }

  private static func reply(
    _ request: LocalServer.Request, _ repositories: [String: [String: File]]
  ) -> LocalServer.Reply {
    let parts = request.path.split(separator: "/").map(String.init)
    if parts.first == "storage" {
      let files = repositories.values.flatMap(\.values)
      guard let file = files.first(where: { $0.hash == parts.last }) else { return .init(404) }
      return part(of: file, request, [:])
    }
    guard parts.count >= 5, parts[2] == "resolve",
      let files = repositories["\(parts[0])/\(parts[1])"]
    else { return .init(404, ["X-Error-Code": "RepoNotFound"]) }
    guard ["main", commit].contains(parts[3]) else {
      return .init(404, ["X-Error-Code": "RevisionNotFound"])
    }
    guard let file = files[parts[4...].joined(separator: "/")] else {
      return .init(404, ["X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit])
    }
    guard file.isLarge else {
      return part(of: file, request, ["ETag": "\"\(file.hash)\"", "X-Repo-Commit": commit])
    }
    let host = request.headers["host"]?.replacing("127.0.0.1", with: "localhost") ?? ""
    return .init(
      302,
      [
        "Location": "http://\(host)/storage/\(file.hash)", "X-Repo-Commit": commit,
        "X-Linked-Etag": "\"\(file.hash)\"", "X-Linked-Size": "\(file.data.count)",
      ])
  }

  package static func part(
    of file: File, _ request: LocalServer.Request, _ headers: [String: String]
  ) -> LocalServer.Reply {
    guard let start = request.rangeStart, start > 0 else {
      return .init(200, headers, body: file.data)
    }
    guard start < file.data.count else { return .init(416) }
    let range = "bytes \(start)-\(file.data.count - 1)/\(file.data.count)"
    return .init(
      206, headers.merging(["Content-Range": range]) { $1 }, body: Data(file.data.dropFirst(start)))
  }
}
