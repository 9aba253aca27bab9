import Foundation
import Records
import Testing

@testable import Experiments

@Suite struct RecordStoreTests {
  private func store(_ folder: TemporaryFolder, process: Int32 = 1) throws -> RecordStore {
    try RecordStore(folder: folder.url, host: "my host", process: process)
  }

  @Test func `a stored record is found again by another process`() throws {
    let folder = try TemporaryFolder()
    let first = try store(folder)
    try first.append(RecordSamples.latency(r: 3), environment: RecordSamples.environment())
    try first.append(
      RecordSamples.accuracy(correct: true), environment: RecordSamples.environment())
    #expect(try folder.names() == ["accuracy-my-host-1.jsonl", "latency-my-host-1.jsonl"])
    let second = try store(folder, process: 2)
    let key = RecordLine.key(of: RecordSamples.latencyTrial(r: 3))
    #expect(second.result(key)?.measurement == RecordSamples.latency(r: 3))
    #expect(second.records.count == 2)
    #expect(second.warnings == [])
  }

  @Test func `a key depends on every part of the trial and on nothing else`() {
    let key = RecordLine.key(of: RecordSamples.latencyTrial(r: 3))
    #expect(key == RecordLine.key(of: RecordSamples.latency(r: 3, milliseconds: [9])))
    #expect(key == RecordLine.key(of: RecordSamples.failedLatency(r: 3)))
    #expect(key != RecordLine.key(of: RecordSamples.latencyTrial(r: 4)))
    #expect(key != RecordLine.key(of: RecordSamples.latencyTrial(r: 3, batchSize: 2)))
    var trial = RecordSamples.latencyTrial(r: 3)
    trial.timing.minSeconds = 0.25
    #expect(key != RecordLine.key(of: trial))
  }

  @Test func `the keys of shards contain those of their trials`() {
    guard case .accuracy(var trial, _) = RecordSamples.accuracy(correct: true) else {
      Issue.record("an accuracy was built")
      return
    }
    trial.dataset.name = ",\"first_image\":0,\"image_count\":2,"
    for batchSize in [nil, 8] {
      trial.batchSize = batchSize
      let keys = RecordLine.ShardKeys(trial)
      for shard in [0..<2, 2..<3, 250..<500] {
        var shifted = trial
        shifted.firstImage = shard.lowerBound
        shifted.imageCount = shard.count
        #expect(keys.key(shard) == RecordLine.key(of: shifted))
      }
    }
  }

  @Test func `keys do not change between versions`() {
    // Changing this value means that every stored record is measured again.
    let key = RecordLine.key(of: RecordSamples.latencyTrial(r: 3))
    #expect(
      key == "fb248ec31ef35f38243d7a8f6aea1e51d047005e512ce49b22e8d6a8582bb309")
  }

  @Test func `two processes never write the same file`() throws {
    let folder = try TemporaryFolder()
    for r in 1...2 {
      // The process id has been reused.
      try store(folder).append(
        RecordSamples.latency(r: r), environment: RecordSamples.environment())
    }
    #expect(try folder.names() == ["latency-my-host-1-2.jsonl", "latency-my-host-1.jsonl"])
    #expect(try store(folder).records.count == 2)
  }

  @Test func `an incomplete last line is ignored with a warning, and the file is left unchanged`()
    throws
  {
    let folder = try TemporaryFolder()
    let whole = try RecordSamples.line(RecordSamples.latency(r: 1))
    let torn = try RecordSamples.line(RecordSamples.latency(r: 2)).dropLast(20)
    try folder.write(whole + torn, to: "latency-x-1.jsonl")
    let store = try store(folder)
    #expect(store.records.map(\.measurement) == [RecordSamples.latency(r: 1)])
    #expect(
      store.warnings == [
        "\(folder.url.path)/latency-x-1.jsonl:2: the last line is torn, as a killed run leaves it; "
          + "it is left out and measured again"
      ])
    try store.append(RecordSamples.latency(r: 2), environment: RecordSamples.environment())
    #expect(try folder.text(of: "latency-x-1.jsonl") == whole + torn)
    #expect(try self.store(folder, process: 2).records.count == 2)
  }

  @Test func `truncation at any byte loses at most one line`() throws {
    let lines = try (1...3).map { try RecordSamples.line(RecordSamples.latency(r: $0)) }
    let bytes = Array(lines.joined().utf8)
    for length in stride(from: 0, through: bytes.count, by: 7) {
      let folder = try TemporaryFolder()
      try Data(bytes[..<length]).write(to: folder.url.appendingPathComponent("latency-x.jsonl"))
      let whole = bytes[..<length].count { $0 == UInt8(ascii: "\n") }
      let found = try store(folder).records.count
      // Truncation right before a line break leaves a complete record.
      #expect(found == whole || found == whole + 1 && bytes[length] == UInt8(ascii: "\n"))
    }
  }

  @Test func `an invalid line is reported, and the others count`() throws {
    let folder = try TemporaryFolder()
    let lines = try (1...2).map { try RecordSamples.line(RecordSamples.latency(r: $0)) }
    try folder.write(lines[0] + "{\"schema\": 1}\n\n" + lines[1], to: "latency-x.jsonl")
    let store = try store(folder)
    #expect(store.records.count == 2)
    #expect(
      store.warnings == [
        "\(folder.url.path)/latency-x.jsonl:2: not a record: the key 'key' is missing; the line "
          + "stays in the file, is left out of every table and measured again"
      ])
  }

  @Test func `an edited line is reported and measured again`() throws {
    let folder = try TemporaryFolder()
    let edited = try RecordSamples.line(RecordSamples.latency(r: 1))
      .replacing("\"batch_size\":1", with: "\"batch_size\":2")
    try folder.write(edited, to: "latency-x.jsonl")
    let store = try store(folder)
    #expect(store.records == [])
    #expect(
      store.warnings == [
        "\(folder.url.path)/latency-x.jsonl:1: not a record: its key does not belong to its trial, "
          + "as if it had been edited by hand; the line stays in the file, is left out of every "
          + "table and measured again"
      ])
  }

  @Test func `a changed number does not match its seal`() throws {
    let folder = try TemporaryFolder()
    let line = try RecordSamples.line(RecordSamples.latency(r: 1, milliseconds: [7.5]))
    #expect(line.contains("\"samples_ms\":[7.5]"))
    try folder.write(line, to: "latency-whole.jsonl")
    try folder.write(line.replacing("[7.5]", with: "[1.5]"), to: "latency-x.jsonl")
    let store = try store(folder)
    #expect(store.records.map(\.measurement) == [RecordSamples.latency(r: 1, milliseconds: [7.5])])
    #expect(
      store.warnings == [
        "\(folder.url.path)/latency-x.jsonl:1: not a record: its seal does not fit its numbers, as "
          + "if it had been edited by hand; the line stays in the file, is left out of every table "
          + "and measured again"
      ])
  }

  @Test func `a record of a later schema stops the program with one sentence`() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      "{\"schema\": 99, \"something\": \"else\"}\n", to: "latency-x.jsonl")
    let error = #expect(throws: ExperimentsError.self) { try store(folder) }
    #expect(
      error?.description
        == "\(folder.url.path)/latency-x.jsonl:1: the record has schema 99, this program reads up "
        + "to 1; use the newer program, or move the file out of the folder")
    #expect(error?.exitCode == 2)
  }

  @Test func `records of another program version are counted and reported`() throws {
    let folder = try TemporaryFolder()
    let old = RecordSamples.environment(program: "0.0.1")
    try folder.write(
      try RecordSamples.line(RecordSamples.latency(r: 1), environment: old), to: "latency-x.jsonl")
    let store = try store(folder)
    #expect(store.records.count == 1)
    #expect(
      store.warnings == [
        "\(folder.url.path): 1 record was made by lab 0.0.1; this is lab \(Program.version); "
          + "--fresh measures them again"
      ])
  }

  @Test func `a result replaces a failure, and the later of two results counts`() throws {
    let folder = try TemporaryFolder()
    let store = try store(folder)
    let key = RecordLine.key(of: RecordSamples.latencyTrial(r: 1))
    try store.append(RecordSamples.failedLatency(r: 1), environment: RecordSamples.environment())
    #expect(store.result(key) == nil)
    #expect(store.records.count == 1)
    for (milliseconds, day) in [(7.0, 3), (8.0, 2)] {
      try store.append(
        RecordSamples.latency(r: 1, milliseconds: [milliseconds]),
        environment: RecordSamples.environment(started: "2026-01-0\(day)T00:00:00.000Z"))
    }
    #expect(store.records.map(\.measurement) == [RecordSamples.latency(r: 1, milliseconds: [7])])
  }

  @Test func `a folder that cannot be created is reported in one sentence`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("", to: "file")
    let error = #expect(throws: ExperimentsError.self) {
      try RecordStore(folder: URL(fileURLWithPath: file + "/results"))
    }
    #expect(
      error?.description
        == "\(file)/results/.claims: cannot be written: not a directory; name another folder with "
        + "--results")
    #expect(error?.exitCode == 2)
  }

  @Test func `a full disk is reported in one sentence with exit code 1`() throws {
    let descriptor = open("/dev/full", O_WRONLY)
    try #require(descriptor >= 0, "this system has no /dev/full")
    let writer = RecordWriter(descriptor: descriptor, name: "Results/x/latency.jsonl")
    let error = #expect(throws: ExperimentsError.self) { try writer.append(Data("line\n".utf8)) }
    #expect(
      error?.description
        == "Results/x/latency.jsonl: a record cannot be stored: no space left on device; what was "
        + "stored before is whole, and the same command goes on from there")
    #expect(error?.exitCode == 1)
  }

  @Test func `the fresh option moves records aside and deletes none`() throws {
    let folder = try TemporaryFolder()
    let line = try RecordSamples.line(RecordSamples.latency(r: 1))
    try folder.write(line, to: "latency-x.jsonl")
    try RecordStore.setAside(folder.url, moment: "now")
    #expect(try store(folder).records == [])
    #expect(try folder.text(of: "earlier/now/latency-x.jsonl") == line)
  }

  @Test func `the fresh option is refused while another process measures in the folder`() throws {
    let folder = try TemporaryFolder()
    try folder.write(try RecordSamples.line(RecordSamples.latency(r: 1)), to: "latency-x.jsonl")
    let store = try store(folder)
    let claim = try store.claims.take("k")
    let error = #expect(throws: ExperimentsError.self) {
      try RecordStore.setAside(folder.url, moment: "now")
    }
    #expect(
      error?.description
        == "\(folder.url.path): another process is measuring here, so its records cannot be set "
        + "aside; wait for it to end, or name another folder with --results")
    withExtendedLifetime(claim) {}
    #expect(try folder.names().contains("latency-x.jsonl"))
  }

  @Test func `lines read on many threads equal those read on one, in order`() throws {
    let lines = try (0..<400).map { place in
      switch place % 50 {
      case 7: "  "
      case 9: "{\"schema\":1}"
      default:
        String(try RecordSamples.line(RecordSamples.latency(r: place % 9 + 1)).dropLast())
      }
    }
    let text = Array((lines.joined(separator: "\n") + "\n").utf8)
    var ranges: [Range<Int>] = []
    var start = 0
    for line in lines {
      ranges.append(start..<(start + line.utf8.count))
      start += line.utf8.count + 1
    }
    func said(_ threads: Int) -> [String] {
      LineReaders(threads: threads).read(ranges, of: text).map { outcome in
        switch outcome {
        case nil: "blank"
        case .success(let reading): "\(reading.record) \(reading.isSealed)"
        case .failure(let flaw): "\(flaw)"
        }
      }
    }
    let alone = said(1)
    #expect(alone[7] == "blank" && alone[9].contains("missing"))
    #expect(alone[8].contains("true"))
    for threads in [2, 3, 8] { #expect(said(threads) == alone) }
  }
}
