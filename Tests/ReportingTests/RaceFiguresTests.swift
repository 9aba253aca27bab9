import Measurement
import Records
import Testing

@testable import Reporting

/// Rows stopped by a race, in reports.
@Suite struct RaceFiguresTests {
  private let topk = RecordBuilder.method("topk", ["r": .integer(4)])
  private let tome = RecordBuilder.method("tome", ["r": .integer(8)])

  private func builder(shuffled: Bool = true) -> RecordBuilder {
    var builder = RecordBuilder()
    builder.dataset.order = shuffled ? "random, seed 0" : nil
    return builder
  }

  /// topk saw half of 400 images, tome all of them.
  private func report(
    shuffled: Bool = true, stop: RaceStop? = .narrow, seen: Int = 200
  ) -> Report {
    let builder = builder(shuffled: shuffled)
    let records =
      builder.accuracy(RecordBuilder.baseline, correct: 0.9, shard: 50)
      + builder.accuracy(topk, correct: 0.85, shard: 50, images: 0..<seen)
      + builder.accuracy(tome, correct: 0.8, shard: 50)
      + [
        builder.latency(RecordBuilder.baseline, milliseconds: 10),
        builder.latency(topk, milliseconds: 8), builder.latency(tome, milliseconds: 9),
      ]
    let rows = [(RecordBuilder.baseline, RaceStop.everyImage), (topk, stop), (tome, .everyImage)]
      .map {
        RowKey(
          model: builder.model, method: $0.0,
          race: shuffled ? RaceStanding(untilPoints: 4, stop: $0.1) : nil)
      }
    return Report(records: records, name: "r", rows: rows)
  }

  private func row(_ method: MethodSetting, _ report: Report) throws -> Row {
    try #require(report.groups.first?.rows.first { $0.method == method })
  }

  @Test func `a row that stopped early has the baseline's accuracy plus the difference`() throws {
    let report = report()
    let stopped = try row(topk, report)
    let baseline = try #require(try row(RecordBuilder.baseline, report).accuracy)
    let accuracy = try #require(stopped.accuracy)
    let change = try #require(stopped.change)
    #expect(accuracy.images == 200 && !accuracy.isComplete)
    #expect(change.outcomes.images == 200)
    #expect(abs(accuracy.top1Percent - (baseline.top1Percent + change.points)) < 1e-9)
    #expect(accuracy.top1Interval.contains(accuracy.top1Percent))
    // The accuracy on the whole set is within the interval of the half that was seen.
    let whole = try #require(try row(topk, self.report(shuffled: false, seen: 400)).accuracy)
    #expect(accuracy.top1Interval.contains(whole.top1Percent))
    #expect(stopped.notes == ["stopped after 200 of 400 images: known well enough (±4 pp)"])
  }

  @Test func `its interval is the confidence sequence of its batches, and there is no p-value`()
    throws
  {
    let report = report()
    let change = try #require(try row(topk, report).change)
    #expect(change.isSequential)
    var sequence = ConfidenceSequence(population: 400)
    let joined = report.joined.accuracies
    let mine = try #require(joined.first { $0.key.method == topk }?.value)
    let theirs = try #require(joined.first { $0.key.method == RecordBuilder.baseline }?.value)
    for start in stride(from: 0, to: 200, by: 50) {
      var batch = PairedBatch()
      for image in start..<(start + 50) {
        batch.count(first: theirs.isTop1(image), second: mine.isTop1(image))
      }
      sequence.add(batch)
    }
    #expect(change.interval == sequence.interval.scaled(by: 100))
    #expect(change.interval.contains(change.points))
    let csv = CSVTable.all(report).split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    let column = try #require(csv[0].firstIndex(of: "delta_mcnemar_mid_p"))
    #expect(csv.dropFirst().filter { !$0[column].isEmpty }.count == 1)
  }

  @Test func `a row that saw every image is as without a race`() throws {
    let raced = try row(tome, report())
    let whole = try row(tome, report(shuffled: false))
    #expect(raced.change == whole.change)
    #expect(raced.accuracy == whole.accuracy)
    #expect(raced.notes == whole.notes)
  }

  @Test func `only rows known precisely enough compete for the front`() throws {
    #expect(try row(topk, report()).isOnFront)
    let behind = RaceStop.offFront(behind: tome)
    for stop in [nil, behind, .decided, .failed] {
      #expect(try !row(topk, report(stop: stop)).isOnFront)
    }
    #expect(
      try row(topk, report(stop: behind)).notes
        == ["stopped after 200 of 400 images: off the front, behind tome r=8"])
    #expect(
      try row(topk, report(stop: nil)).notes == ["accuracy over 200 of 400 images"])
  }

  @Test func `the images that a race saved are counted`() throws {
    let lines = try #require(report().groups.first).choiceLines
    #expect(
      lines == [
        "race: 1,000 of 1,200 image passes (1.2 × fewer); 1 of 3 settings stopped early, and the "
          + "intervals of those hold whenever they were looked at, for all 400 images"
      ])
    #expect(report(shuffled: false).groups.first?.choiceLines == [])
    #expect(report().groups.first?.title.contains("in random order") == true)
  }

  @Test func `rows that may be on the front as far as the race can tell are named`() throws {
    func lines(tome correct: Double, seen: Int) throws -> [String] {
      let builder = builder()
      let records =
        builder.accuracy(RecordBuilder.baseline, correct: 0.9, shard: 50)
        + builder.accuracy(topk, correct: 0.85, shard: 50, images: 0..<seen)
        + builder.accuracy(tome, correct: correct, shard: 50, images: 0..<seen)
        + [
          builder.latency(RecordBuilder.baseline, milliseconds: 10),
          builder.latency(topk, milliseconds: 8), builder.latency(tome, milliseconds: 9),
        ]
      let rows = [RecordBuilder.baseline, topk, tome].map {
        RowKey(
          model: builder.model, method: $0, race: RaceStanding(untilPoints: 4, stop: .narrow))
      }
      return try #require(Report(records: records, name: "r", rows: rows).groups.first).choiceLines
    }
    let open = "the front is known to ±4 pp; off it, and perhaps on it: tome r=8"
    #expect(try lines(tome: 0.83, seen: 200).contains(open))
    #expect(try lines(tome: 0.7, seen: 200).count == 1)
    // For two rows that saw every image nothing is open.
    #expect(try lines(tome: 0.83, seen: 400).count == 1)
  }

  @Test func `the same images in another order are distinguished by the order, not by a digest`()
    throws
  {
    let (first, second) = (builder(), builder(shuffled: false))
    var other = second
    other.dataset.fingerprint = "f9"
    let records =
      first.accuracy(topk, correct: 0.8) + other.accuracy(topk, correct: 0.8)
    let titles = Report(records: records, name: "r").groups.map(\.title)
    #expect(titles.count == 2)
    #expect(titles.allSatisfy { $0.contains("demo (400 images") })
  }
}
