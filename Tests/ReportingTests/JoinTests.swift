import Records
import Testing

@testable import Reporting

@Suite struct JoinTests {
  let builder = RecordBuilder()
  let topk = RecordBuilder.method("topk", ["r": .integer(4)])

  private func row(_ method: String, in report: Report) throws -> Row {
    let group = try #require(report.groups.first)
    return try #require(group.rows.first { $0.method.name == method })
  }

  @Test func `shards are merged exactly`() throws {
    let whole = builder.accuracy(topk, correct: 0.8, shard: 400)
    let shards = builder.accuracy(topk, correct: 0.8, shard: 37)
    let one = try row("topk", in: Report(records: whole, name: "r")).accuracy
    let many = try row("topk", in: Report(records: shards, name: "r")).accuracy
    #expect(one == many)
    #expect(one?.images == 400)
    #expect(one?.isComplete == true)
  }

  @Test func `a shard in two files counts once`() throws {
    let shards = builder.accuracy(topk, correct: 0.8, shard: 100)
    let report = Report(records: shards + shards + [shards[1]], name: "r")
    #expect(try row("topk", in: report).accuracy?.images == 400)
  }

  @Test func `an image in two shards counts once`() throws {
    let overlapping =
      builder.accuracy(topk, correct: 0.8, shard: 250, images: 0..<250)
      + builder.accuracy(topk, correct: 0.8, shard: 200, images: 200..<400)
    let whole = builder.accuracy(topk, correct: 0.8, shard: 400)
    #expect(
      try row("topk", in: Report(records: overlapping, name: "r")).accuracy
        == row("topk", in: Report(records: whole, name: "r")).accuracy)
  }

  @Test func `an incomplete data set is marked and is not on the front`() throws {
    let records =
      builder.accuracy(topk, correct: 0.8, images: 0..<300)
      + [builder.latency(topk, milliseconds: 5)]
    let found = try row("topk", in: Report(records: records, name: "r"))
    #expect(found.notes == ["accuracy over 300 of 400 images"])
    #expect(found.isOnFront == false)
  }

  @Test func `unreadable images are noted and do not make a data set incomplete`() throws {
    var records = builder.accuracy(topk, correct: 0.8, images: 0..<399)
    guard case .accuracy(let trial, var result) = records[0].measurement else {
      Issue.record("an accuracy was built")
      return
    }
    result.skipped = [SkippedImage(path: "a.JPEG", reason: "torn")]
    records[0].measurement = .accuracy(trial, result)
    let found = try row("topk", in: Report(records: records, name: "r"))
    #expect(found.notes == ["1 image could not be read"])
    #expect(found.accuracy?.isComplete == true)
  }

  @Test func `accuracy and latency are joined although latencies have no weights`() throws {
    let records =
      builder.accuracy(topk, correct: 0.8) + [builder.latency(topk, milliseconds: 5)]
    let report = Report(records: records, name: "r")
    #expect(report.groups.count == 1)
    let found = try row("topk", in: report)
    #expect(found.accuracy != nil)
    #expect(found.latency?.milliseconds.count == 60)
    #expect(found.isOnFront)
  }

  @Test func `accuracy counts for every device and batch size`() throws {
    var board = builder
    board.device = DeviceSetting(name: "cuda:0", hardware: "Example GPU", threads: 0)
    board.host = "host-b"
    var large = builder
    large.batchSize = 16
    let records =
      builder.accuracy(topk, correct: 0.8)
      + [builder, board, large].map { $0.latency(topk, milliseconds: 5) }
    let report = Report(records: records, name: "r")
    #expect(
      report.groups.map { "\($0.device?.name ?? "") \($0.batchSize ?? 0)" }
        == ["cpu 1", "cpu 16", "cuda:0 1"])
    #expect(report.groups.allSatisfy { $0.rows[0].accuracy?.images == 400 })
  }

  @Test func `of repeated timings the latest is shown, with a note`() throws {
    var later = builder
    later.started = "2025-01-02T10:00:00Z"
    let first = builder.latency(topk, milliseconds: 5)
    let second = later.latency(topk, milliseconds: 7)
    let found = try row("topk", in: Report(records: [second, first, first], name: "r"))
    let median = try #require(found.latency?.milliseconds.median)
    #expect(median > 6.9)
    #expect(found.notes == ["timed 2 times; the latest is shown"])
  }

  @Test func `missing measurements are gaps, not failures`() throws {
    let records =
      builder.accuracy(topk, correct: 0.8)
      + [builder.latency(RecordBuilder.baseline, milliseconds: 9)]
    let report = Report(records: records, name: "r")
    #expect(try row("topk", in: report).latency == nil)
    #expect(try row("none", in: report).accuracy == nil)
    #expect(try row("none", in: report).tokensLeft == 145)
    #expect(report.groups[0].front.isEmpty)
  }

  @Test func `other weights have another table`() {
    var other = builder
    other.model.weights = WeightsSetting(name: "other", digest: "d2")
    let records =
      builder.accuracy(topk, correct: 0.8)
      + other.accuracy(topk, correct: 0.6).map {
        var record = $0
        record.key += "-other"
        return record
      }
    let report = Report(records: records, name: "r")
    #expect(report.groups.map { $0.weights?.name } == ["demo", "other"])
  }

  @Test func `failures are listed once, and not after a success`() {
    let failed = builder.failedLatency(topk, message: "out of memory")
    let other = builder.failedLatency(
      RecordBuilder.method("tome", ["r": .integer(8)]), message: "torn weights")
    let report = Report(
      records: [failed, other, other, builder.latency(topk, milliseconds: 5)], name: "r")
    #expect(
      report.failures == [
        Failure(trial: "latency of demo_vit, tome r=8, batch 1 on cpu", message: "torn weights")
      ])
  }

  @Test func `the order of records does not matter`() {
    let records = RecordBuilder.comparison() + RecordBuilder.staircase()
    let expected = Report(records: records, name: "r")
    let shuffled = Report(records: records.shuffled(), name: "r")
    #expect(CSVTable.all(shuffled) == CSVTable.all(expected))
    #expect(TerminalTable(shuffled).text() == TerminalTable(expected).text())
    #expect(
      ParetoFigure(shuffled)?.drawing().xml() == ParetoFigure(expected)?.drawing().xml())
  }

  @Test func `a speed-up is against the baseline of the same rounds`() throws {
    var later = builder
    later.started = "2025-01-02T10:00:00Z"
    let tome = RecordBuilder.method("tome", ["r": .integer(4)])
    let evit = RecordBuilder.method("evit", ["keep_rate": .number(0.5)])
    var alone = builder
    alone.started = "2025-01-03T10:00:00Z"
    let records = [
      builder.latency(RecordBuilder.baseline, milliseconds: 10),
      builder.latency(topk, milliseconds: 5),
      later.latency(RecordBuilder.baseline, milliseconds: 20),
      later.latency(tome, milliseconds: 5), alone.latency(evit, milliseconds: 5),
    ]
    let report = Report(records: records, name: "r")
    func ratio(_ method: String) throws -> Double {
      (try #require(try row(method, in: report).speedup).ratio * 10).rounded() / 10
    }
    #expect(try ratio("topk") == 2)
    #expect(try ratio("tome") == 4)
    #expect(
      try row("topk", in: report).notes.first?.hasPrefix("the baseline of its own rounds took 10.")
        == true)
    #expect(try row("tome", in: report).notes == [])
    #expect(try row("evit", in: report).notes == ["timed in other rounds than the baseline"])
    #expect(
      try row("none", in: report).notes
        == ["timed 2 times, once with each set of rows; the latest is shown"])
  }

  @Test
  func
    `of accuracies with scores normalized over different batch sizes the latest counts, with a note`()
    throws
  {
    func records(_ batchSize: Int, _ started: String, correct: Double) -> [Record] {
      var builder = builder
      builder.started = started
      return builder.accuracy(topk, correct: correct).map { record in
        var record = record
        guard case .accuracy(var trial, let result) = record.measurement else { return record }
        trial.batchSize = batchSize
        record.key += "-\(batchSize)"
        record.measurement = .accuracy(trial, result)
        return record
      }
    }
    let both =
      records(50, "2025-01-01T10:00:00Z", correct: 0.5)
      + records(8, "2025-01-02T10:00:00Z", correct: 0.9)
    let found = try row("topk", in: Report(records: both, name: "r"))
    #expect(found.accuracy?.images == 400)
    #expect((found.accuracy?.top1Percent ?? 0) > 80)
    #expect(found.notes == ["scores normalized over batches of 8 images"])
  }

  @Test func `rows and devices that a report leaves out are counted`() {
    var board = builder
    board.device = DeviceSetting(name: "cuda:0", hardware: "Example GPU", threads: 0)
    let tome = RecordBuilder.method("tome", ["r": .integer(4)])
    let records = [
      builder.latency(RecordBuilder.baseline, milliseconds: 9),
      builder.latency(topk, milliseconds: 5), builder.latency(tome, milliseconds: 5),
      board.latency(topk, milliseconds: 3), board.latency(RecordBuilder.baseline, milliseconds: 4),
    ]
    let rows = [
      RowKey(model: builder.model, method: topk, place: RowPlace(device: builder.device))
    ]
    let hidden = Hidden(Report(records: records, name: "r", rows: rows))
    #expect(hidden.text == "1 row of earlier specs; 2 timings of cuda:0: Example GPU")
    #expect(Hidden(Report(records: records, name: "r")).text == nil)
  }
}
