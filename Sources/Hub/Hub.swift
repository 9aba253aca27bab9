import Files
import Foundation

/// Receives the progress of downloads.
package protocol HubListener: Sendable {
  /// A transfer begins, or continues from `received` bytes.
  func begins(
    _ file: String, bytes: Int?, received: Int, from endpoint: String, into folder: String)
  func progress(_ file: String, received: Int, of bytes: Int?)
  func ends(_ file: String)
  /// Another process is downloading the same file.
  func waits(_ file: String)
  /// An interrupted transfer is resumed.
  func triesAgain(_ file: String, reason: String)
}

/// Models of the Hugging Face Hub: from its cache on this machine, otherwise downloaded into it.
package struct Hub: Sendable {
  package let settings: HubSettings
  package let cache: HubCache
  let listener: any HubListener

  package init(_ settings: HubSettings, listener: any HubListener) {
    self.settings = settings
    self.listener = listener
    cache = HubCache(settings.cache)
  }

  /// Names of files that hold a model's weights, the best first.
  package static let weightNames = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json", "pytorch_model.pth",
  ]

  /// The metadata of a file in a repository.
  package struct FileInfo: Sendable, Hashable {
    package let name: String
    package let commit: String
    /// The SHA-256 of large files, git's SHA-1 of small ones.
    package let hash: String
    package let bytes: Int?

    /// `nil` if the Hub gives only git's hash.
    package var sha256: String? { hash.count == 64 ? hash : nil }
  }

  /// A file on this machine or on the Hub.
  package enum Found: Sendable {
    case here(URL, commit: String)
    case there(FileInfo)
  }

  /// Looks for the first of some files, without downloading it.
  ///
  /// The commit that the cache stores for a branch is used, so that results do not change
  /// overnight; `refreshes` asks the Hub for the branch's current commit.
  /// - Throws: `HubError`.
  package func find(
    _ names: [String], of reference: HubReference, refreshes: Bool = false
  ) throws(HubError) -> Found? {
    let known = refreshes && settings.offline == nil ? nil : cache.commit(of: reference)
    if let known {
      for name in names {
        if let url = cache.file(reference, commit: known, name) { return .here(url, commit: known) }
      }
      if names.allSatisfy({ cache.isAbsent(reference, commit: known, $0) }) { return nil }
    }
    if let because = settings.offline {
      // A file of a cached repository that was never downloaded may not exist.
      if known != nil, names.allSatisfy({ !Self.weightNames.contains($0) }) { return nil }
      throw .offline(
        subject: reference.text, because: because, cache: settings.cache.path)
    }
    for name in names {
      guard let info = try info(name, of: reference, at: known ?? reference.revision) else {
        continue
      }
      try noting { try cache.note(reference, commit: info.commit) }
      if let url = cache.file(reference, commit: info.commit, name) {
        return .here(url, commit: info.commit)
      }
      return .there(info)
    }
    return nil
  }

  /// The file on this machine, downloaded if it is missing.
  package func fetch(_ found: Found, of reference: HubReference) throws(HubError) -> URL {
    switch found {
    case .here(let url, _): return url
    case .there(let info):
      try Download(hub: self, reference: reference, info: info).run()
      try noting { try cache.link(reference, commit: info.commit, info.name, to: info.hash) }
      return cache.snapshot(reference, commit: info.commit).appendingPathComponent(info.name)
    }
  }

  /// A file of a repository, downloaded if it is missing; `nil` if the repository does not have it.
  package func file(
    _ name: String, of reference: HubReference, refreshes: Bool = false
  ) throws(HubError) -> URL? {
    guard let found = try find([name], of: reference, refreshes: refreshes) else { return nil }
    return try fetch(found, of: reference)
  }

  /// The location of a model's weights: the reference's own file, or the first common name.
  package func findWeights(
    of reference: HubReference, refreshes: Bool = false
  ) throws(HubError) -> Found {
    let names = reference.file.map { [$0] } ?? Self.weightNames
    guard let found = try find(names, of: reference, refreshes: refreshes) else {
      if let file = reference.file {
        throw .noFile(repository: reference.repository, file: file)
      }
      throw .noWeights(repository: reference.repository, tried: names)
    }
    return found
  }

  /// A model's weights on this machine; for an index, with all its shards.
  package func fetchWeights(_ found: Found, of reference: HubReference) throws(HubError) -> URL {
    let url = try fetch(found, of: reference)
    guard url.lastPathComponent.hasSuffix(".index.json") else { return url }
    for shard in Self.shards(of: url) {
      let name = reference.file.map { file in
        (file as NSString).deletingLastPathComponent.isEmpty
          ? shard : (file as NSString).deletingLastPathComponent + "/" + shard
      }
      guard try file(name ?? shard, of: reference) != nil else {
        throw .noFile(repository: reference.repository, file: shard)
      }
    }
    return url
  }

  /// The files that an index names; what is wrong with it is reported by what reads it.
  private static func shards(of index: URL) -> [String] {
    struct Index: Decodable { let weight_map: [String: String] }
    guard let data = try? RegularFile.data(at: index, maxBytes: 1 << 26),
      let index = try? JSONDecoder().decode(Index.self, from: data)
    else { return [] }
    return Set(index.weight_map.values).filter { !$0.contains("/") && $0 != ".." }.sorted()
  }

  // MARK: Asking

  func address(_ name: String, of reference: HubReference, at revision: String) -> String {
    let escaped = revision.replacing("/", with: "%2F")
    return "\(settings.endpoint)/\(reference.repository)/resolve/\(escaped)/\(name)"
  }

  private func info(
    _ name: String, of reference: HubReference, at revision: String
  ) throws(HubError) -> FileInfo? {
    var address = address(name, of: reference, at: revision)
    // A renamed repository redirects to the same host; storage is on another host.
    for _ in 0..<5 {
      let answer = try ask(address)
      if (300..<400).contains(answer.status), answer.headers["x-linked-etag"] == nil,
        let place = answer.headers["location"], place.hasPrefix("/")
      {
        address = settings.origin + place
        continue
      }
      if answer.status == 404, Self.saysNoFile(answer) {
        if let commit = answer.headers["x-repo-commit"] ?? (reference.isCommit ? revision : nil) {
          cache.noteAbsent(reference, commit: commit, name)
        }
        return nil
      }
      try check(answer, address, reference)
      guard let commit = answer.headers["x-repo-commit"],
        let tag = answer.headers["x-linked-etag"] ?? answer.headers["etag"],
        case let hash = Self.hash(tag), Self.isHash(hash), Self.isHash(commit)
      else { throw .refused(address: address, status: answer.status) }
      let bytes = (answer.headers["x-linked-size"] ?? answer.headers["content-length"])
        .flatMap(Int.init)
      return FileInfo(name: name, commit: commit, hash: hash, bytes: bytes)
    }
    throw .refused(address: address, status: 310)
  }

  /// The headers of a URL, requested again if the server is busy.
  private func ask(_ address: String) throws(HubError) -> HTTPAnswer {
    let client = try HTTPClient(token: settings.token, patience: settings.patience)
    var reason = ""
    for pause in settings.pauses + [0] {
      do throws(HTTPClient.Broken) {
        let answer = try client.head(address)
        let after = answer.headers["retry-after"].flatMap(Double.init) ?? pause
        guard pause > 0, answer.status >= 500 || answer.status == 429 && after <= 10 else {
          return answer
        }
        Thread.sleep(forTimeInterval: after)
      } catch {
        reason = error.reason
        // Without an answer there is no network, and waiting does not help.
        guard error.answered, pause > 0 else { break }
        Thread.sleep(forTimeInterval: pause)
      }
    }
    throw .unreachable(address: address, reason: reason)
  }

  func check(
    _ answer: HTTPAnswer, _ address: String, _ reference: HubReference
  ) throws(HubError) {
    switch answer.status {
    case 200..<400: return
    case 401, 403:
      throw .notAllowed(
        repository: reference.repository, status: answer.status, hasToken: settings.token != nil,
        page: "\(settings.endpoint)/\(reference.repository)")
    case 404 where answer.headers["x-error-code"] == "RevisionNotFound":
      throw .noRevision(repository: reference.repository, revision: reference.revision)
    case 404: throw .noRepository(repository: reference.repository, endpoint: settings.endpoint)
    case 429:
      throw .tooManyRequests(
        address: address, retryAfter: answer.headers["retry-after"].flatMap(Int.init))
    default: throw .refused(address: address, status: answer.status)
    }
  }

  private static func saysNoFile(_ answer: HTTPAnswer) -> Bool {
    answer.headers["x-error-code"] == "EntryNotFound"
  }

  /// An entity tag's own text: `W/"abc"` is abc.
  private static func hash(_ tag: String) -> String {
    var text = tag[...]
    if text.hasPrefix("W/") { text = text.dropFirst(2) }
    return text.trimmingCharacters(in: CharacterSet(charactersIn: "\"")).lowercased()
  }

  /// It names a file: nothing but a hash may.
  private static func isHash(_ text: String) -> Bool {
    (text.count == 40 || text.count == 64)
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
      }
  }

  /// Runs an operation that writes to the cache.
  func noting(_ body: () throws -> Void) throws(HubError) {
    do {
      try body()
    } catch let error as HubError {
      throw error
    } catch {
      let failure = error as NSError
      let path = failure.userInfo[NSFilePathErrorKey] as? String ?? settings.cache.path
      throw .cacheUnusable(path: path, reason: systemReason(of: error))
    }
  }
}

extension HubSettings {
  /// The endpoint without a path: the base of absolute paths.
  var origin: String {
    guard let scheme = endpoint.range(of: "://") else { return endpoint }
    let host = endpoint[scheme.upperBound...].prefix { $0 != "/" }
    return String(endpoint[..<scheme.upperBound]) + host
  }
}
