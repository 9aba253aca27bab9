import Measurement
import Records
import Testing

@testable import Reporting

/// The second baseline and the control, as a report shows them.
@Suite struct FairComparisonTests {
  private let topk = RecordBuilder.method("topk", ["r": .integer(4)])
  private let explicit = RecordBuilder.method("none_explicit")
  private let control = RecordBuilder.method(
    "random", ["tokens": .array([.integer(145), .integer(97)]), "seed": .integer(0)])

  private func rows(
    fused: Double = 10, explicit: Double = 14, topk: Double, correct: Double = 0.8,
    random: Double = 0.6
  ) throws -> [Row] {
    let builder = RecordBuilder()
    let records =
      builder.accuracy(RecordBuilder.baseline, correct: 0.9)
      + builder.accuracy(self.topk, correct: correct) + builder.accuracy(control, correct: random)
      + [
        builder.latency(RecordBuilder.baseline, milliseconds: fused),
        builder.latency(self.explicit, milliseconds: explicit),
        builder.latency(self.topk, milliseconds: topk),
        builder.latency(control, milliseconds: topk),
      ]
    let model = builder.model
    let keys = [
      RowKey(model: model, method: RecordBuilder.baseline),
      RowKey(model: model, method: self.explicit),
      RowKey(model: model, method: self.topk, control: control),
      RowKey(model: model, method: control, reason: .control(of: self.topk)),
    ]
    return try #require(Report(records: records, name: "r", rows: keys).groups.first).rows
  }

  @Test func `a speed-up over only the slower baseline is flagged, whichever that is`() throws {
    let slower = "faster only than the baseline with explicit attention"
    var row = try rows(topk: 12)[2]
    #expect(row.speedup?.isSlower == true)
    #expect(abs((row.explicitSpeedup?.ratio ?? 0) - 14 / 12) < 0.03)
    #expect(row.notes.count { $0.hasPrefix(slower) } == 1)
    row = try rows(topk: 8)[2]
    #expect(row.explicitSpeedup?.isFaster == true)
    #expect(!row.notes.contains { $0.contains("alone") })
    row = try rows(fused: 14, explicit: 10, topk: 12)[2]
    #expect(
      row.notes.contains { $0.hasPrefix("faster only than the baseline with fused attention") })
    row = try rows(topk: 16)[2]
    #expect(!row.notes.contains { $0.contains("alone") })
  }

  @Test func `baselines have no control, and the fused one has no comparison`() throws {
    let rows = try rows(topk: 8)
    #expect(rows[0].speedup == nil && rows[0].explicitSpeedup == nil)
    #expect(rows[1].explicitSpeedup == nil)
    #expect(abs((rows[1].speedup?.ratio ?? 0) - 10.0 / 14) < 0.03)
    #expect(rows.map { $0.control != nil } == [false, false, true, false])
  }

  @Test func `a method is paired with its control on the same images`() throws {
    var row = try rows(topk: 8)[2]
    let change = try #require(row.control)
    #expect(change.outcomes.images == 400)
    #expect(abs(change.points - 20) < 5)
    #expect(!row.notes.contains { $0.contains("random removal") })
    row = try rows(topk: 8, correct: 0.6, random: 0.6)[2]
    #expect(row.notes.contains("not told apart from random removal at the same token counts"))
    row = try rows(topk: 8, correct: 0.5, random: 0.7)[2]
    #expect(row.notes.contains("less accurate than random removal at the same token counts"))
  }

  @Test func `a control shows its method instead of its counts and is not a point of a grid`()
    throws
  {
    let rows = try rows(topk: 8)
    #expect(rows[3].label == "random control of topk r=4")
    let records = [RecordBuilder.baseline, control].map {
      RecordBuilder().latency($0, milliseconds: 9)
    }
    #expect(JoinedRecords(records).grids.isEmpty)
  }

  @Test func `attention kernels are named, and counted if mixed`() {
    func words(_ fused: Int, _ scored: Int, _ explicit: Int) -> String {
      AttentionCost(fused: fused, scored: scored, explicit: explicit, bytes: 0).words
    }
    #expect(words(12, 0, 0) == "fused")
    #expect(words(0, 12, 0) == "fused, with scores")
    #expect(words(0, 0, 12) == "explicit")
    #expect(words(9, 3, 0) == "9 fused, 3 with scores")
    #expect(words(8, 1, 3) == "8 fused, 1 with scores, 3 explicit")
  }
}
