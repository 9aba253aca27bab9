import Measurement
import Records
import Testing

@testable import Reporting

@Suite struct RowTests {
  let builder = RecordBuilder()
  let topk = RecordBuilder.method("topk", ["r": .integer(4)])
  let grid = (1...20).map { RecordBuilder.method("random", ["r": .integer($0 * 4)]) }

  private func report(
    correct: Double = 0.8, milliseconds: Double = 8, rows: [RowKey]? = nil
  ) -> Report {
    let records =
      builder.accuracy(RecordBuilder.baseline, correct: 0.9)
      + builder.accuracy(topk, correct: correct)
      + [
        builder.latency(RecordBuilder.baseline, milliseconds: 10),
        builder.latency(topk, milliseconds: milliseconds),
      ]
      + grid.enumerated().map {
        builder.latency($1, milliseconds: 9, tokensIn: 141 - 4 * $0)
      }
    return Report(records: records, name: "r", rows: rows)
  }

  private func topkRow(_ report: Report) throws -> Row {
    try #require(report.groups.first?.rows.first { $0.method == topk })
  }

  @Test func `the change relative to the baseline is paired by image`() throws {
    let report = report()
    let row = try topkRow(report)
    let change = try #require(row.change)
    let baseline = try #require(report.groups[0].rows.first { $0.isBaseline }?.accuracy)
    let own = try #require(row.accuracy)
    #expect(abs(change.points - (own.top1Percent - baseline.top1Percent)) < 1e-9)
    #expect(change.outcomes.both + change.outcomes.onlyFirst == baseline.top1Correct)
    #expect(change.outcomes.both + change.outcomes.onlySecond == own.top1Correct)
    #expect(change.interval.contains(change.points))
    #expect(change.isWithinNoise == false)
    #expect(change.text.contains("≈") == false)
  }

  @Test func `a trained baseline no better than chance is noted, a random one is not`() throws {
    func notes(_ correct: Double, _ digest: String) throws -> [String] {
      var builder = RecordBuilder()
      builder.model.weights?.digest = digest
      let records =
        builder.accuracy(RecordBuilder.baseline, correct: correct)
        + builder.accuracy(topk, correct: correct)
      let rows = try #require(Report(records: records, name: "r").groups.first?.rows)
      #expect(rows.first { !$0.isBaseline }?.notes == [])
      return try #require(rows.first { $0.isBaseline }).notes
    }
    let chance = 1 / Double(builder.dataset.classes)
    #expect(
      try notes(chance, "d1") == [
        "no better than chance among \(builder.dataset.classes) classes: its weights, its "
          + "preprocessing or the order of the classes may be wrong"
      ])
    #expect(try notes(chance / 2, "d1").count == 1)
    #expect(try notes(0.5, "d1") == [])
    #expect(try notes(chance, "seed:0") == [])
  }

  @Test func `a small change is marked as noise`() throws {
    let change = try #require(try topkRow(report(correct: 0.899)).change)
    #expect(change.isWithinNoise)
    #expect(change.text.hasSuffix("≈"))
  }

  @Test func `a faster row has its ratio, a slower one a mark`() throws {
    let fast = try #require(try topkRow(report(milliseconds: 8)).speedup)
    #expect(abs(fast.ratio - 1.25) < 0.03)
    #expect(fast.interval.contains(fast.ratio))
    #expect(fast.isSlower == false)
    let slow = try #require(try topkRow(report(milliseconds: 12)).speedup)
    #expect(slow.isSlower)
    #expect(slow.text.hasSuffix("▼"))
    let same = try #require(try topkRow(report(milliseconds: 10)).speedup)
    #expect(same.isWithinNoise)
    #expect(same.text.hasSuffix("≈"))
  }

  @Test func `the baseline has no comparison`() throws {
    let row = try #require(report().groups.first?.rows.first { $0.isBaseline })
    #expect(row.change == nil)
    #expect(row.speedup == nil)
  }

  @Test func `throughput counts images, not batches`() throws {
    var large = builder
    large.batchSize = 16
    let report = Report(records: [large.latency(topk, milliseconds: 80)], name: "r")
    let latency = try #require(report.groups.first?.rows.first?.latency)
    #expect(abs(latency.imagesPerSecond - 16_000 / latency.milliseconds.median) < 1e-9)
  }

  @Test func `a selection shows only its rows, in its order`() {
    let keys = [topk, RecordBuilder.baseline].map { RowKey(model: builder.model, method: $0) }
    let report = report(rows: keys)
    #expect(report.groups.map { $0.rows.map(\.method) } == [[topk, RecordBuilder.baseline]])
    #expect(report.staircases.count == 1)
  }

  @Test func `the baseline is used even if it is not shown`() throws {
    let row = try topkRow(report(rows: [RowKey(model: builder.model, method: topk)]))
    #expect(row.speedup != nil)
    #expect(row.change != nil)
  }

  @Test func `a selected row without results shows gaps`() {
    let unmeasured = RecordBuilder.method("tome", ["r": .integer(8)])
    let report = report(rows: [RowKey(model: builder.model, method: unmeasured)])
    let text = TerminalTable(report).text()
    #expect(report.groups.map(\.rows.count) == [1])
    #expect(text.contains("tome    r=8              –"))
  }

  @Test func `several reasons for one setting share a row`() {
    func labels(_ reasons: [RowReason]) -> [[String]] {
      let keys = reasons.map { RowKey(model: builder.model, method: topk, reason: $0) }
      return report(rows: keys).groups.map { $0.rows.map(\.label) }
    }
    #expect(labels([.alpha(0.3), .alpha(0.5)]) == [["topk α=0.3, 0.5 r=4"]])
    #expect(
      labels([.latencyTarget(milliseconds: 3), .accuracyDropTarget(points: 1)])
        == [["topk ≤ 3 ms, drop ≤ 1 r=4"]])
    let tome = RecordBuilder.method("tome", ["r": .integer(8)])
    #expect(
      labels([.latencyMatch(of: tome, difference: -0.0134)])
        == [["topk as fast as tome r=8 (−1.3 %) r=4"]])
    #expect(labels([.text("≤ 3 ms")]) == [["topk ≤ 3 ms r=4"]])
  }

  @Test func `the shown parameters are the essential ones and those that differ`() {
    let settings = [("v", 0.5), ("q", 0.5)].map {
      RecordBuilder.method(
        "tail_effect",
        ["r": .integer(70), "layer": .integer(3), "feature": .string($0.0), "seed": .number($0.1)])
    }
    let text = ParameterText(methods: settings)
    #expect(text.text(for: settings[0]) == "r=70, layer=3, feature=v")
    #expect(text.shortText(for: settings[0]) == "feature=v")
    #expect(text.onlyVaryingKey(of: "tail_effect") == "feature")
  }

  @Test func `rows are ordered by number, not as text`() {
    let settings = [10, 2, 1].map { RecordBuilder.method("topk", ["r": .integer($0)]) }
    let catalog = MethodCatalog(RecordBuilder.small())
    let sorted = (settings + [RecordBuilder.baseline]).sorted(by: catalog.precedes)
    #expect(sorted == [RecordBuilder.baseline] + settings.reversed())
  }

  @Test func `measuring times are shown to the minute, with the day once`() throws {
    func time(_ moments: [String]) throws -> Substring {
      let records = moments.map { moment in
        var record = RecordBuilder().latency(RecordBuilder.baseline, milliseconds: 1)
        record.environment.started = moment
        return record
      }
      let text = try #require(Report(records: records, name: "r").provenance.first).text
      return try #require(text.split(separator: ", ").last)
    }
    let evening = "2026-11-29T23:58:20.926Z"
    #expect(try time([evening]) == "2026-11-29 23:58 UTC")
    #expect(try time([evening, "2026-11-29T23:59:01Z"]) == "2026-11-29 23:58 to 23:59 UTC")
    #expect(
      try time([evening, "2026-11-30T00:09:01Z"]) == "2026-11-29 23:58 to 2026-11-30 00:09 UTC")
    #expect(try time(["yesterday"]) == "yesterday to yesterday")
  }
}
