import Foundation
import Records
import Testing

@testable import Experiments

/// Arbitrary lines: each is read, or reported with the problem.
@Suite struct HostileLineTests {
  /// A change of a valid line, and the resulting message.
  struct Case: CustomTestStringConvertible {
    let isLatency: Bool
    let old: String
    let new: String
    let flaw: String

    var testDescription: String { "\(old) → \(new.prefix(60))" }

    static func latency(_ old: String, _ new: String, _ flaw: String) -> Case {
      Case(isLatency: true, old: old, new: new, flaw: flaw)
    }
    static func accuracy(_ old: String, _ new: String, _ flaw: String) -> Case {
      Case(isLatency: false, old: old, new: new, flaw: flaw)
    }
    static func outOfBounds(latency old: String, _ new: String, _ flaw: String) -> Case {
      latency(old, new, flaw + ", which no measurement gives")
    }
    static func outOfBounds(accuracy old: String, _ new: String, _ flaw: String) -> Case {
      accuracy(old, new, flaw + ", which no measurement gives")
    }
  }

  private static let latencyResult =
    #""result":{"cost":{"macs":1,"parameters":1,"tokens_after_blocks":[9]},"notes":[],"#
    + #""peak_memory_bytes":1,"rounds":[0,0,0],"samples_ms":[1,2,3]}"#

  static let cases: [Case] = [
    // Keys that are missing or have the wrong type.
    .latency(latencyResult, #""result":{}"#, "the key 'rounds' is missing"),
    .latency(latencyResult + ",", "", "the key 'result' is missing"),
    .latency(latencyResult, #""result":null"#, "'result' has the wrong type"),
    .latency(latencyResult, #""result":[]"#, "'result' has the wrong type"),
    .latency("[1,2,3]", #""[1,2,3]""#, "'result.samples_ms' has the wrong type"),
    .latency("[1,2,3]", "[1,null,3]", "'result.samples_ms' has the wrong type"),
    .latency("[1,2,3]", "{}", "'result.samples_ms' has the wrong type"),
    .latency(#""rounds":[0,0,0],"#, "", "the key 'rounds' is missing"),
    .latency("[0,0,0]", "[0,0.5,0]", "'result.rounds' has the wrong type"),
    .latency("[0,0,0]", "[0,true,0]", "'result.rounds' has the wrong type"),
    .latency(
      #""peak_memory_bytes":1"#, #""peak_memory_bytes":1e40"#,
      "'result.peak_memory_bytes' has the wrong type"),
    .latency(
      #""peak_memory_bytes":1"#, #""peak_memory_bytes":9223372036854775808"#,
      "'result.peak_memory_bytes' has the wrong type"),
    .latency(#""kind":"latency""#, #""kind":"energy""#, "'kind' has no such value"),
    .latency(#""kind":"latency""#, #""kind":"accuracy""#, "the key 'dataset' is missing"),
    .latency(#""schema":1"#, #""schema":"1""#, "'schema' has the wrong type"),
    .latency(
      #""rounds":[0,0,0]"#,
      #""quality":{"counters":"maybe","disturbed":[{"dropped_ms":[9],"reasons":["preemption"],"round":1,"share":0.5}],"flaws":[],"rounds":3},"rounds":[0,0,0]"#,
      "'result.quality.counters' has no such value"),
    .latency(
      #""rounds":[0,0,0]"#,
      #""quality":{"counters":"read","disturbed":[{"dropped_ms":[9],"reasons":["preemption"],"round":3,"share":0.5}],"flaws":[],"rounds":3},"rounds":[0,0,0]"#,
      "what it says of disturbed rounds contradicts itself"),
    .outOfBounds(
      latency: #""rounds":[0,0,0]"#,
      #""quality":{"counters":"read","disturbed":[{"dropped_ms":[9],"reasons":["preemption"],"round":1,"share":2}],"flaws":[],"rounds":3},"rounds":[0,0,0]"#,
      "result.quality.disturbed.share is 2.0"),
    .outOfBounds(
      latency: #""rounds":[0,0,0]"#,
      #""quality":{"counters":"read","disturbed":[{"dropped_ms":[-9],"reasons":["preemption"],"round":1,"share":0.5}],"flaws":[],"rounds":3},"rounds":[0,0,0]"#,
      "a timing in result.quality.disturbed.dropped_ms is -9.0"),
    .accuracy(#""labels":[0,1],"#, "", "the key 'labels' is missing"),
    .accuracy("[[0,1,2],[1,2,0]]", "[0,1]", "'result.top5' has the wrong type"),
    .accuracy("[[0,1,2],[1,2,0]]", "[[0,1,2],[1,2]]", "'result.top5' has the wrong type"),
    .accuracy("[[0,1,2],[1,2,0]]", "[[],[]]", "'result.top5' has the wrong type"),
    .accuracy(
      "[[0,1,2],[1,2,0]]", "[[0,1,2],[1,2,4294967296]]", "'result.top5' has the wrong type"),
    // Values that no measurement can give.
    .outOfBounds(latency: "[1,2,3]", "[1,2,1e308]", "a timing in result.samples_ms is 1e+308"),
    .outOfBounds(latency: "[1,2,3]", "[1,-2,3]", "a timing in result.samples_ms is -2.0"),
    .latency("[1,2,3]", "[1,2,1e309]", "'result.samples_ms' has the wrong type"),
    .outOfBounds(latency: "[0,0,0]", "[0,-1,0]", "a round in result.rounds is -1"),
    .outOfBounds(
      latency: #""peak_memory_bytes":1"#, #""peak_memory_bytes":-1"#,
      "result.peak_memory_bytes is -1"),
    .outOfBounds(
      latency: #""peak_memory_bytes":1"#, #""peak_memory_bytes":9223372036854775807"#,
      "result.peak_memory_bytes is 9223372036854775807"),
    .outOfBounds(latency: #""macs":1"#, #""macs":-5"#, "result.cost.macs is -5"),
    .outOfBounds(latency: #""parameters":1"#, #""parameters":-5"#, "result.cost.parameters is -5"),
    .outOfBounds(
      latency: "[9]", "[9,9999]", "result.cost.tokens_after_blocks is 9999"),
    .outOfBounds(latency: "[9]", "[-1]", "result.cost.tokens_after_blocks is -1"),
    .outOfBounds(latency: #""schema":1"#, #""schema":-1"#, "schema is -1"),
    .outOfBounds(latency: #""schema":1"#, #""schema":0"#, "schema is 0"),
    .outOfBounds(latency: #""batch_size":1"#, #""batch_size":0"#, "trial.batch_size is 0"),
    .outOfBounds(latency: #""warmup":1"#, #""warmup":-1"#, "trial.timing.warmup is -1"),
    .outOfBounds(
      latency: #""min_seconds":0.5"#, #""min_seconds":-0.5"#, "trial.timing.min_seconds is -0.5"),
    .outOfBounds(latency: #""tokens":10"#, #""tokens":-1"#, "trial.model.tokens is -1"),
    .outOfBounds(
      latency: #""prefix_tokens":1"#, #""prefix_tokens":11"#, "trial.model.prefix_tokens is 11"),
    .outOfBounds(
      latency: #""r":1"#, #""r":9223372036854775807"#,
      "trial.method.parameters.r is 9223372036854775807"),
    .outOfBounds(latency: #""cores":2"#, #""cores":-2"#, "environment.cores is -2"),
    .outOfBounds(
      latency: #""duration_seconds":1"#, #""duration_seconds":1e300"#,
      "environment.duration_seconds is 1e+300"),
    .outOfBounds(
      latency: #""memory_bytes":1,"#, #""memory_bytes":-1,"#, "environment.memory_bytes is -1"),
    .outOfBounds(
      latency: #""started":"2026-01-01T00:00:00.000Z""#, #""started":"yesterday""#,
      "environment.started is no moment such as 2026-01-31T12:00:00Z"),
    .outOfBounds(
      latency: #""host":"h""#, #""host":"\#(String(repeating: "h", count: 20_001))""#,
      "environment.host has 20001 bytes"),
    .outOfBounds(
      accuracy: #""labels":[0,1]"#, #""labels":[0,-1]"#, "a label in result.labels is -1"),
    .outOfBounds(
      accuracy: "[[0,1,2],[1,2,0]]", "[[0,1,2],[1,2,-7]]", "a class in result.top5 is -7"),
    .outOfBounds(
      accuracy: "[[0,1,2],[1,2,0]]", "[[0,1,2],[1,1,0]]",
      "result.top5 has a class twice for one image"),
    .outOfBounds(
      accuracy: "[[0,1,2],[1,2,0]]", "[[0,1,2,3,4,5],[0,1,2,3,4,5]]",
      "the number of classes in result.top5 is 6"),
    .outOfBounds(
      accuracy: #""image_indices":[0,1]"#, #""image_indices":[0,9223372036854775807]"#,
      "result.image_indices has 9223372036854775807 out of order or beyond its shard"),
    .outOfBounds(
      accuracy: #""image_indices":[0,1]"#, #""image_indices":[1,1]"#,
      "result.image_indices has 1 out of order or beyond its shard"),
    .outOfBounds(
      accuracy: #""images_per_second":1"#, #""images_per_second":-1"#,
      "result.images_per_second is -1.0"),
    .accuracy(
      #""image_count":2"#, #""image_count":0"#, "its image counts contradict each other"),
    .outOfBounds(accuracy: #""first_image":0"#, #""first_image":-1"#, "trial.first_image is -1"),
    .outOfBounds(accuracy: #""classes":3"#, #""classes":0"#, "trial.dataset.classes is 0"),
    // Parts that contradict each other.
    .latency("[1,2,3]", "[]", "its samples contradict each other"),
    .latency("[1,2,3]", "[1,2]", "its samples contradict each other"),
    .accuracy(#""labels":[0,1]"#, #""labels":[0]"#, "its image counts contradict each other"),
    .accuracy(
      #""labels":[0,1]"#, #""kept_patches":[7],"labels":[0,1]"#,
      "its image counts contradict each other"),
    .accuracy("[[0,1,2],[1,2,0]]", "[]", "its image counts contradict each other"),
    // Invalid JSON, or duplicate keys.
    .latency("[1,2,3]", "[1,2,NaN]", "it is not whole JSON"),
    .latency("[1,2,3]", "[1,2,3,]", "it is not whole JSON"),
    .latency("[1,2,3]", "[01,2,3]", "it is not whole JSON"),
    .latency("[1,2,3]", "[1,2,3]]", "it is not whole JSON"),
    .latency(#""host":"h""#, #""host":"\ud800""#, "it is not whole JSON"),
    .latency(#""host":"h""#, "\"host\":\"a\u{1}b\"", "it is not whole JSON"),
    .latency(
      "[1,2,3]", String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000),
      "it is not whole JSON"),
    .latency(#""host":"h""#, #""host":"h","host":"h""#, "a key comes twice"),
    .latency(#""host":"h""#, #""host":"h","h\u006fst":"g""#, "a key comes twice"),
    // Edited lines.
    .latency(
      "[1,2,3]", "[1,2,2.5]", "its seal does not fit its numbers, as if it had been edited by hand"),
    .latency(
      #""seal":""#, #""seal": ""#,
      "its seal does not fit its numbers, as if it had been edited by hand"),
    .latency(
      #""warmup":1"#, #""warmup":2"#,
      "its key does not belong to its trial, as if it had been edited by hand"),
  ]

  @Test(arguments: cases)
  func `a line without a measurement is reported with its position`(_ hostile: Case) throws {
    let good = try RecordSamples.line(
      hostile.isLatency ? RecordSamples.latency(r: 1) : RecordSamples.accuracy(correct: true))
    let bad = good.replacing(hostile.old, with: hostile.new, maxReplacements: 1)
    try #require(bad != good, "the change does not apply to \(good)")
    let folder = try TemporaryFolder()
    try folder.write(good + bad + good, to: "x.jsonl")
    let (records, warnings) = try RecordsFolder.read(folder.url)
    #expect(records.count == 1)
    #expect(
      warnings == [
        "\(folder.url.path)/x.jsonl:2: not a record: \(hostile.flaw); the line stays in the file, "
          + "is left out of every table and measured again"
      ])
  }

  @Test func `lines without a seal are read, counted and reported`() throws {
    let folder = try TemporaryFolder()
    let unsealed = try (1...2).map { r in
      try RecordSamples.line(RecordSamples.latency(r: r))
        .replacing(/,"seal":"[0-9a-f]*"/, with: "")
    }
    let sealed = try RecordSamples.line(RecordSamples.latency(r: 3))
    try folder.write(unsealed.joined() + sealed, to: "x.jsonl")
    let (records, warnings) = try RecordsFolder.read(folder.url)
    #expect(records.count == 3)
    #expect(
      warnings == [
        "\(folder.url.path): 2 records carry no seal, as a run writes it, so that a change by hand "
          + "would not show; --fresh measures them again"
      ])
  }

  @Test func `any key order, whitespace and line endings are read`() throws {
    let folder = try TemporaryFolder()
    let line = try RecordSamples.line(RecordSamples.latency(r: 1))
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    var unsealed = object
    unsealed["seal"] = nil
    let parts = try unsealed.sorted { $0.key > $1.key }.map { key, value in
      let text = try JSONSerialization.data(withJSONObject: value, options: .fragmentsAllowed)
      return "\"\(key)\" : \(String(decoding: text, as: UTF8.self))"
    }
    try folder.write("{ \(parts.joined(separator: " ,\t")) } \r\n", to: "a.jsonl")
    try folder.write(line.replacing("\n", with: "\r\n"), to: "b.jsonl")
    let (records, warnings) = try RecordsFolder.read(folder.url)
    #expect(records.map(\.measurement) == [RecordSamples.latency(r: 1)])
    #expect(warnings.count == 1)
    #expect(warnings.first?.contains("1 record carries no seal") == true)
  }

  @Test func `a line with changed bytes is read unchanged or reported`() throws {
    var generator = SystemRandomNumberGenerator()
    let lines = try [
      RecordSamples.line(RecordSamples.latency(r: 1)),
      RecordSamples.line(RecordSamples.accuracy(correct: true)),
      RecordSamples.line(RecordSamples.failedLatency(r: 1)),
    ]
    let originals = try lines.map {
      try RecordLine.read(Array($0.utf8), with: LineDecoder()).record
    }
    let decoder = LineDecoder()
    for round in 0..<3_000 {
      let which = round % lines.count
      var bytes = Array(lines[which].utf8.dropLast())
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = Int.random(in: bytes.indices, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(contentsOf: Array("[{\"-9e,:".utf8.shuffled()).prefix(2), at: place)
        default: bytes.removeSubrange(place..<min(place + 9, bytes.count))
        }
      }
      // Removing the whole seal leaves an equal, unsealed line.
      if let reading = try? RecordLine.read(bytes, with: decoder) {
        #expect(reading.record == originals[which] || !reading.isSealed)
      }
    }
  }

  @Test(arguments: ["pipe", "zero", "folder", "sparse"])
  func `a file that contains no records is reported in one sentence`(_ kind: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.url.appendingPathComponent("x.jsonl").path
    let reason: String
    switch kind {
    case "pipe":
      try #require(mkfifo(path, 0o600) == 0)
      reason = "is a pipe; only regular files are read"
    case "zero":
      try #require(symlink("/dev/zero", path) == 0)
      reason = "is a device; only regular files are read"
    case "folder":
      try #require(mkdir(path, 0o700) == 0)
      reason = "is a folder; only regular files are read"
    default:
      try folder.write("", to: "x.jsonl")
      try #require(truncate(path, 1 << 40) == 0)
      reason = "has 1099511627776 bytes; files of more than 68719476736 are not read"
    }
    let error = #expect(throws: ExperimentsError.self) { try RecordsFolder.read(folder.url) }
    #expect(error?.description == "\(path): \(reason); move it out of the folder")
    #expect(error?.exitCode == 2)
  }
}
