import Foundation
import Hub
import Synchronization
import Testing
import _TestSupport

/// Downloads from a Hub that the test starts.
@Suite struct `The Hub` {
  private let home: URL
  private static let weights = HubServer.File(Data((0..<300_000).map { UInt8($0 % 251) }))
  private static let config = HubServer.File(#"{"architecture": "tiny"}"#)
  private static let repositories = [
    "timm/tiny": ["model.safetensors": weights, "config.json": config]
  ]

  init() throws {
    home = FileManager.default.temporaryDirectory.appendingPathComponent("hub-\(UUID())")
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
  }

  /// Records the progress that a user would see.
  final class Seen: HubListener {
    private let all = Mutex<[String]>([])
    var lines: [String] { all.withLock { $0 } }
    private func add(_ line: String) { all.withLock { $0.append(line) } }

    func begins(
      _ file: String, bytes: Int?, received: Int, from endpoint: String, into folder: String
    ) { add("begins \(file) \(bytes ?? -1) at \(received)") }
    func progress(_ file: String, received: Int, of bytes: Int?) {}
    func ends(_ file: String) { add("ends \(file)") }
    func waits(_ file: String) { add("waits \(file)") }
    func triesAgain(_ file: String, reason: String) { add("again \(file)") }
  }

  private func hub(
    _ server: HubServer, _ seen: Seen = Seen(), token: String? = nil, isOffline: Bool = false
  ) -> Hub {
    var settings = HubSettings(
      environment: ["HF_ENDPOINT": server.address, "HF_HOME": home.path], isOffline: isOffline)
    settings.token = token
    settings.pauses = [0.01, 0.01]
    settings.patience = 5
    return Hub(settings, listener: seen)
  }

  private func pull(_ hub: Hub, _ text: String = "hf:timm/tiny") throws -> URL {
    let reference = try HubReference(text)
    return try hub.fetchWeights(hub.findWeights(of: reference), of: reference)
  }

  private func path(_ inCache: String) -> String { "\(home.path)/hub/\(inCache)" }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch { return "\(error)" }
  }

  @Test func `the cache has the layout of Hugging Face's client`() throws {
    let server = try HubServer(Self.repositories)
    let seen = Seen()
    let hub = hub(server, seen)
    let url = try pull(hub)
    #expect(try Data(contentsOf: url) == Self.weights.data)
    let folder = "models--timm--tiny"
    #expect(
      url.path == path("\(folder)/snapshots/\(HubServer.commit)/model.safetensors"))
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: url.path)
        == "../../blobs/\(Self.weights.hash)")
    #expect(
      try String(contentsOfFile: path("\(folder)/refs/main"), encoding: .utf8) == HubServer.commit)
    #expect(
      seen.lines == [
        "begins timm/tiny/model.safetensors 300000 at 0", "ends timm/tiny/model.safetensors",
      ])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path("\(folder)/blobs"))
        == [Self.weights.hash])
    // git's hash of small files.
    let reference = try HubReference("hf:timm/tiny")
    let config = try #require(try hub.file("config.json", of: reference))
    #expect(try Data(contentsOf: config) == Self.config.data)
    #expect(hub.cache.entries().first?.files.map(\.name) == ["config.json", "model.safetensors"])
  }

  @Test func `cached files are found without network access`() throws {
    let server = try HubServer(Self.repositories)
    _ = try pull(hub(server))
    let asked = server.requests.count
    let seen = Seen()
    _ = try pull(hub(server, seen))
    _ = try pull(hub(server, seen), "hf:timm/tiny@\(HubServer.commit)")
    _ = try pull(hub(server, seen, isOffline: true))
    #expect(server.requests.count == asked)
    #expect(seen.lines.isEmpty)
  }

  @Test func `a file missing from a commit is requested only once`() throws {
    let server = try HubServer(Self.repositories)
    let reference = try HubReference("hf:timm/tiny")
    for _ in 0..<2 {
      #expect(try hub(server).file("config.json", of: reference) != nil)
      #expect(try hub(server).file("preprocessor_config.json", of: reference) == nil)
    }
    #expect(server.requests.count { $0.path.hasSuffix("preprocessor_config.json") } == 1)
  }

  @Test func `an interrupted transfer is resumed`() throws {
    let server = try HubServer(Self.repositories) { request, before in
      guard request.path.hasPrefix("/storage"), before < 2 else { return nil }
      var reply = HubServer.part(of: Self.weights, request, [:])
      reply.breaksAfter = 100_000
      return reply
    }
    let seen = Seen()
    #expect(try Data(contentsOf: pull(hub(server, seen))) == Self.weights.data)
    let starts = server.requests.filter { $0.path.hasPrefix("/storage") }.map { $0.rangeStart ?? 0 }
    #expect(starts == [0, 100_000, 200_000])
    #expect(seen.lines.count { $0.hasPrefix("again") } == 2)
  }

  @Test func `a partial download of an earlier process is resumed`() throws {
    let server = try HubServer(Self.repositories) { request, _ in
      guard request.path.hasPrefix("/storage"), request.rangeStart == nil else { return nil }
      var reply = HubServer.part(of: Self.weights, request, [:])
      reply.breaksAfter = 1000
      return reply
    }
    var settings = hub(server).settings
    settings.pauses = []
    let text = message { _ = try pull(Hub(settings, listener: Seen())) }
    #expect(
      text.hasPrefix("timm/tiny/model.safetensors: the transfer broke off after 1000 of 300000"),
      "\(text)")
    #expect(text.hasSuffix("what came is kept, and the same command goes on from there"))
    let seen = Seen()
    #expect(try Data(contentsOf: pull(hub(server, seen))) == Self.weights.data)
    #expect(seen.lines.first == "begins timm/tiny/model.safetensors 300000 at 1000")
  }

  @Test func `without range requests a download starts again`() throws {
    let server = try HubServer(Self.repositories) { request, before in
      guard request.path.hasPrefix("/storage") else { return nil }
      return .init(200, body: Self.weights.data, breaksAfter: before == 0 ? 5000 : nil)
    }
    #expect(try Data(contentsOf: pull(hub(server))) == Self.weights.data)
  }

  @Test func `a file with a wrong hash is discarded`() throws {
    let server = try HubServer(Self.repositories) { request, before in
      guard request.path.hasPrefix("/storage"), before == 0 else { return nil }
      return .init(200, body: Data(repeating: 7, count: Self.weights.data.count))
    }
    let text = message { _ = try pull(hub(server)) }
    #expect(text.contains("and the Hub says \(Self.weights.hash); it was thrown away, try again"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path("models--timm--tiny/blobs")) == [])
    #expect(try Data(contentsOf: pull(hub(server))) == Self.weights.data)
  }

  @Test func `the token is sent only to the Hub`() throws {
    let server = try HubServer(Self.repositories)
    _ = try pull(hub(server, token: "hf_secret"))
    for request in server.requests {
      let isStorage = request.path.hasPrefix("/storage")
      #expect(request.headers["authorization"] == (isStorage ? nil : "Bearer hf_secret"))
    }
    #expect(server.requests.contains { $0.path.hasPrefix("/storage") })
  }

  private static let refusals: [(status: Int, headers: [String: String], sentence: String)] = [
    (
      401, ["X-Error-Code": "RepoNotFound"],
      "timm/tiny: the Hub refuses it (401): it is private, has terms to accept at ADDRESS/timm/tiny, "
        + "or does not exist; check the name, or set HF_TOKEN to a token that may read it"
    ),
    (404, [:], "timm/tiny: ADDRESS has no such repository; check owner and name"),
    (
      404, ["X-Error-Code": "RevisionNotFound"], "timm/tiny: has no branch, tag or commit main"
    ),
    (
      429, ["Retry-After": "120"],
      "ADDRESS/timm/tiny/resolve/main/model.safetensors: too many requests (429); try again in "
        + "120 s, or set HF_TOKEN, which allows more"
    ),
    (
      500, [:],
      "ADDRESS/timm/tiny/resolve/main/model.safetensors: answers with status 500; try again later"
    ),
  ]

  @Test(arguments: refusals)
  func `every HTTP error says what to do`(
    status: Int, headers: [String: String], sentence: String
  ) throws {
    let server = try HubServer(Self.repositories) { _, _ in .init(status, headers) }
    let text = message { _ = try pull(hub(server)) }
    #expect(text.replacing(server.address, with: "ADDRESS") == sentence)
  }

  @Test func `a busy server is retried`() throws {
    let server = try HubServer(Self.repositories) { request, before in
      before == 0 ? .init(request.path.hasPrefix("/storage") ? 503 : 429) : nil
    }
    #expect(try Data(contentsOf: pull(hub(server))) == Self.weights.data)
  }

  @Test func `nothing is requested offline`() throws {
    let server = try HubServer(Self.repositories)
    let text = message { _ = try pull(hub(server, isOffline: true)) }
    #expect(
      text
        == "hf:timm/tiny: is not in \(home.path)/hub, and --offline forbids the network; fetch it "
        + "with `lab weights pull` where there is one")
    #expect(server.requests.isEmpty)
    let settings = HubSettings(environment: ["HF_HUB_OFFLINE": "1"])
    #expect(settings.offline == "HF_HUB_OFFLINE")
  }

  @Test func `an unreachable server is named`() throws {
    let settings = HubSettings(
      environment: ["HF_ENDPOINT": "http://127.0.0.1:1", "HF_HOME": home.path])
    let text = message { _ = try pull(Hub(settings, listener: Seen())) }
    #expect(
      text.hasPrefix(
        "http://127.0.0.1:1/timm/tiny/resolve/main/model.safetensors: no answer: "), "\(text)")
  }

  @Test func `a repository without weights reports the file names looked for`() throws {
    let server = try HubServer(["timm/tiny": ["config.json": Self.config]])
    let text = message { _ = try pull(hub(server)) }
    #expect(
      text.hasPrefix("timm/tiny: has none of model.safetensors, model.safetensors.index.json"))
    #expect(text.hasSuffix("name its file as hf:timm/tiny/FILE"))
  }

  @Test func `an index downloads its shards`() throws {
    let index = HubServer.File(#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#)
    let server = try HubServer([
      "timm/tiny": [
        "model.safetensors.index.json": index, "one.safetensors": Self.weights,
        "two.safetensors": HubServer.File(Data("two".utf8)),
      ]
    ])
    let folder = try pull(hub(server)).deletingLastPathComponent()
    #expect(
      try Data(contentsOf: folder.appendingPathComponent("two.safetensors")) == Data("two".utf8))
  }

  @Test func `two simultaneous requests download a file once`() throws {
    let server = try HubServer(Self.repositories) { request, _ in
      if request.path.hasPrefix("/storage") { usleep(300_000) }
      return nil
    }
    let seen = Seen()
    let hub = hub(server, seen)
    // Separate threads, because other tests may occupy those shared by tasks.
    let group = DispatchGroup()
    let fetched = Mutex<[Data?]>([])
    for _ in 0..<3 {
      group.enter()
      Thread.detachNewThread {
        let data = try? Data(contentsOf: pull(hub))
        fetched.withLock { $0.append(data) }
        group.leave()
      }
    }
    group.wait()
    #expect(fetched.withLock { $0 } == Array(repeating: Self.weights.data, count: 3))
    #expect(server.requests.count { $0.path.hasPrefix("/storage") } == 1)
    #expect(seen.lines.count { $0.hasPrefix("waits") } > 0)
  }

  @Test(
    arguments: [
      ("hf:a/b", "a/b", nil, "main"), ("hf:a/b@v1", "a/b", nil, "v1"),
      ("hf:a/b/c/d.pth@refs/pr/1", "a/b", "c/d.pth", "refs/pr/1"),
    ] as [(String, String, String?, String)])
  func `references are parsed`(
    text: String, repository: String, file: String?, revision: String
  ) throws {
    let reference = try HubReference(text)
    #expect(reference.repository == repository)
    #expect(reference.file == file)
    #expect(reference.revision == revision)
    #expect(reference.text == text)
  }

  @Test(arguments: ["hf:a", "hf:", "hf:a/..", "hf:a/b@", "hf:a//b", "hf:a/b/../../x", "hf:ä/b"])
  func `an invalid reference is refused`(text: String) {
    #expect(throws: HubError.badReference(text)) { try HubReference(text) }
  }

  @Test func `the cache is in the folder of Hugging Face's client`() {
    func cache(_ environment: [String: String]) -> String {
      HubSettings(environment: environment, home: URL(fileURLWithPath: "/home/me")).cache.path
    }
    #expect(cache([:]) == "/home/me/.cache/huggingface/hub")
    #expect(cache(["XDG_CACHE_HOME": "/x"]) == "/x/huggingface/hub")
    #expect(cache(["HF_HOME": "~/hf"]) == "/home/me/hf/hub")
    #expect(cache(["HF_HOME": "/h", "HF_HUB_CACHE": "/c"]) == "/c")
  }
}
