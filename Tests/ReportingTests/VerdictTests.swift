import Measurement
import Records
import Testing

@testable import Reporting

/// How a report treats unreliable timings.
@Suite struct VerdictTests {
  private let tailEffect = RecordBuilder.method(
    "tail_effect", ["r": .integer(72), "layer": .integer(3)])

  private func quality(_ flaws: [TimingFlaw], dropped: Bool = false) -> TimingQuality {
    TimingQuality(
      counters: .read, rounds: 24,
      disturbed: (0..<(flaws.isEmpty ? 3 : 20)).map {
        DisturbedRound(
          round: $0, reasons: [.otherProcesses, .runQueueWait], share: 0.01 * Double(30 + $0),
          droppedMilliseconds: dropped ? [99] : nil)
      }, flaws: flaws)
  }

  /// `records` with `quality` in the timings that `isMeant` selects.
  private func marked(
    _ records: [Record], _ quality: TimingQuality?,
    where isMeant: (LatencyTrial) -> Bool = { _ in true }
  ) -> [Record] {
    records.map { record in
      guard case .latency(let trial, var result) = record.measurement, isMeant(trial) else {
        return record
      }
      var record = record
      result.quality = quality
      record.measurement = .latency(trial, result)
      return record
    }
  }

  private func texts(_ report: Report) -> [String] {
    [
      TerminalTable(report).text(), MarkdownReport(report: report, figures: []).text(),
      HTMLPage(report: report).text(),
    ]
  }

  /// One method that is slower, and one that is faster and nearly as accurate.
  private var records: [Record] { records(topkMilliseconds: 32) }

  private func records(topkMilliseconds: Double) -> [Record] {
    let builder = RecordBuilder()
    let topk = RecordBuilder.method("topk", ["r": .integer(4)])
    return builder.accuracy(RecordBuilder.baseline, correct: 0.93)
      + builder.accuracy(topk, correct: 0.8) + builder.accuracy(tailEffect, correct: 0.93)
      + [
        builder.latency(RecordBuilder.baseline, milliseconds: 12),
        builder.latency(topk, milliseconds: topkMilliseconds),
        builder.latency(tailEffect, milliseconds: 8),
      ]
  }

  @Test func `a reliable report has no verdict`() {
    let sound = Report(records: marked(records, quality([])), name: "r", command: "lab run a.json")
    #expect(sound.verdict == nil)
    #expect(sound.groups[0].front.isEmpty == false)
    #expect(texts(sound).allSatisfy { !$0.contains("Timings are not reliable") })
    #expect(TerminalTable(sound).text().contains("▼"))
  }

  @Test func `one verdict is at the top, with the command that repeats the timings`()
    throws
  {
    let report = Report(
      records: marked(records, quality([.mostRoundsDisturbed])), name: "r",
      command: "swift run lab run a.json")
    let verdict = try #require(report.verdict).text
    #expect(
      verdict
        == "Timings are not reliable: in most rounds of 3 of 3 rows other programs ran and threads waited "
        + "for a core (up to 49 % of the cores' time). No front, ▼, step or R is derived from them; run "
        + "again on an idle machine with `swift run lab run a.json`")
    #expect(TerminalTable(report).text().hasPrefix(verdict + "\n"))
    let markdown = MarkdownReport(report: report, figures: []).text()
    #expect(markdown.hasPrefix("# r\n\n> **Timings are not reliable: "))
    let page = HTMLPage(report: report).text()
    let place = try #require(page.range(of: "Timings are not reliable"))
    #expect(place.lowerBound < (try #require(page.range(of: "<table>"))).lowerBound)
    for text in texts(report) {
      #expect(text.ranges(of: "Timings are not reliable").count == 1)
    }
  }

  @Test func `nothing is concluded from unreliable rows`() throws {
    let report = Report(records: marked(records, quality([.mostRoundsDisturbed])), name: "r")
    let group = try #require(report.groups.first)
    #expect(group.front.isEmpty)
    #expect(group.headline == nil)
    #expect(group.rows.allSatisfy { $0.speedup.map { !$0.isSlower && !$0.isWithinNoise } ?? true })
    let table = TerminalTable(report).text()
    let rows = table.split(separator: "\n").filter { $0.contains("×") }
    #expect(rows.count == 2)
    #expect(rows.allSatisfy { !$0.contains("▼") && !$0.contains("●") && $0.contains(") ?") })
    #expect(table.contains("? timing not reliable: nothing is concluded from it"))
    let page = HTMLPage(report: report).text()
    #expect(page.ranges(of: "<tr class=\"unreliable\"").count == 3)
    let csv = CSVTable.all(report).split(separator: "\n").dropFirst()
    #expect(csv.allSatisfy { $0.contains(",false,most_rounds_disturbed,0,") })
    let latex = ReportExport.latex(report)
    #expect(latex.contains("blacktriangledown$") == false)
    // The milliseconds and speed-ups of the two methods, and the milliseconds of the baseline.
    #expect(latex.ranges(of: " ? &").count == 3 && latex.ranges(of: "$\\times$ ? ").count == 2)
  }

  @Test func `a conclusion says what is open because of unreliable timings`() {
    var builder = RecordBuilder()
    builder.batchSize = 2
    let others = [
      builder.latency(RecordBuilder.baseline, milliseconds: 24),
      builder.latency(tailEffect, milliseconds: 16),
    ]
    let disturbed = quality([.mostRoundsDisturbed])
    let report = Report(
      records: marked(records, disturbed) { $0.method == tailEffect } + marked(others, disturbed),
      name: "r")
    #expect(
      report.conclusion == "Fastest that loses at most one percentage point: batch 1: none is "
        + "known to be faster than the baseline; batch 2: no timing is reliable.")
  }

  @Test func `a caption mentions only the fronts and steps that are drawn`() throws {
    func captions(_ report: Report) -> [String] { Figures.of(report).map(\.caption) }
    func drawings(_ report: Report) -> String {
      Figures.of(report).map { $0.drawing(.wide).xml() }.joined()
    }
    let sound = Report(records: records + RecordBuilder.search(), name: "r")
    #expect(captions(sound).contains("Accuracy against latency, with the Pareto front"))
    #expect(captions(sound).contains("Latency against the number of tokens, with its steps"))
    #expect(drawings(sound).contains(">Pareto front<"))
    let doubtful = Report(
      records: marked(records + RecordBuilder.search(), quality([.mostRoundsDisturbed])), name: "r")
    #expect(
      captions(doubtful).contains("Accuracy against latency; no front, since no timing is reliable")
    )
    #expect(
      captions(doubtful).contains(
        "Latency against the number of tokens; no step is read from timings that are not reliable"))
    #expect(!drawings(doubtful).contains("Pareto front"))
    #expect(!drawings(doubtful).contains("on the front"))
    // The page's script draws into it when the user hides rows.
    #expect(drawings(doubtful).contains(#"<polyline points="""#))
  }

  @Test func `the command to repeat is marked as code`() throws {
    let page = HTMLPage(
      report: Report(
        records: marked(records, quality([.mostRoundsDisturbed])), name: "r",
        command: "lab run a.json")
    ).text()
    #expect(page.contains("on an idle machine with <code>lab run a.json</code></p>"))
  }

  @Test func `a row is only as reliable as its baseline, and others keep their marks`() throws {
    let report = Report(
      records: marked(records, quality([.wideInterval])) { $0.method.name == "topk" }, name: "r")
    let rows = try #require(report.groups.first).rows
    #expect(rows.map(\.isReliable) == [true, false, true])
    #expect(rows[2].isOnFront)
    #expect(
      try #require(report.verdict).text.hasPrefix(
        "Timings are not reliable: the 95 % interval of 1 of 3 rows is wider than ±10 %. "))
    let baseline = Report(
      records: marked(records, quality([.mostRoundsDisturbed])) { $0.method.name == "none" },
      name: "r")
    #expect(baseline.groups[0].rows.allSatisfy { !$0.isReliable })
  }

  @Test func `rows that an unreliable one dominates are not on the front`() throws {
    // topk is faster than the baseline, and slower and less accurate than the unreliable row.
    let report = Report(
      records: marked(records(topkMilliseconds: 10), quality([.wideInterval])) {
        $0.method.name == "tail_effect"
      }, name: "r")
    let group = try #require(report.groups.first)
    #expect(group.rows.map(\.isReliable) == [true, true, false])
    let times = group.rows.compactMap(\.latency?.milliseconds.median)
    #expect(times[1] < times[0] && times[1] > times[2])
    #expect(group.rows.map(\.isOnFront) == [true, false, false])
    #expect(CSVTable.front(report).split(separator: "\n").count == 2)
    let page = HTMLPage(report: report).text()
    #expect(page.matches(of: /data-competes/).count == page.matches(of: /data-rival/).count * 2)
  }

  @Test func `nothing is concluded from fewer timings than an interval needs`() throws {
    let builder = RecordBuilder()
    func report(_ samples: Int) -> Report {
      Report(
        records: [
          builder.latency(RecordBuilder.baseline, milliseconds: 12, samples: samples, rounds: 3),
          builder.latency(tailEffect, milliseconds: 4, samples: samples, rounds: 3),
        ], name: "r", command: "lab run a.json")
    }
    let quick = report(3)
    #expect(
      try #require(quick.verdict).text
        == "Timings are not reliable: fewer than 6 timings were taken of 2 of 2 rows, too few for a 95 % "
        + "interval. No front, ▼, step or R is derived from them; let the spec's \"latency\" and "
        + "\"grid\" take more")
    #expect(quick.conclusion == "No conclusion: no timing is reliable.")
    #expect(quick.groups[0].rows.allSatisfy { $0.speedup?.isFaster != true })
    #expect(CSVTable.all(quick).contains(",false,few_samples,"))
    #expect(report(6).verdict == nil)
    #expect(report(6).conclusion?.hasPrefix("Fastest: tail_effect r=72") == true)
  }

  @Test func `a record of an earlier version is judged by its interval`() {
    let builder = RecordBuilder()
    let wide = builder.latency(
      RecordBuilder.baseline, milliseconds: 12, spread: 2, samples: 12, rounds: 6)
    #expect(Report(records: [wide], name: "r").verdict != nil)
    #expect(Report(records: records, name: "r").verdict == nil)
  }

  @Test func `neither steps nor R come from an unreliable grid`() throws {
    let search = RecordBuilder.search()
    let sound = Report(records: search, name: "r")
    #expect(sound.staircases[0].steps.isEmpty == false)
    #expect(sound.utilityCurves.isEmpty == false)
    let report = Report(
      records: marked(search, quality([.mostRoundsDisturbed])) { $0.method.name == "random" },
      name: "r")
    #expect(report.staircases[0].steps.isEmpty)
    #expect(report.staircases[0].points.allSatisfy { !$0.isReliable })
    #expect(report.utilityCurves.isEmpty)
    #expect(try #require(report.verdict).text.contains("grid points"))
    #expect(report.groups.flatMap(\.rows).allSatisfy { $0.nextStep == nil })
    #expect(GridCSV.points(report.staircases).contains(",false\n"))
    // One unreliable point of many is left out, and the others give the same result.
    let one = Report(
      records: marked(search, quality([.wideInterval])) {
        $0.method.parameters["r"] == .integer(60)
      },
      name: "r")
    #expect(one.staircases[0].steps.count == sound.staircases[0].steps.count)
    #expect(one.utilityCurves[0].points.count == sound.utilityCurves[0].points.count - 1)
  }

  @Test func `the number of dropped rounds is stated once per table`() throws {
    let report = Report(records: marked(records, quality([], dropped: true)), name: "r")
    let line =
      "left out as disturbed: 3 of 24 rounds, in which other programs ran and threads waited for a core"
    #expect(report.groups[0].droppedText == line)
    // It changes no conclusion, so the terminal does not show it.
    let counts = texts(report).map { $0.ranges(of: line).count }
    #expect(counts.sorted() == [0] + counts.dropFirst().map { _ in 1 })
    #expect(CSVTable.all(report).contains(",true,,3,"))
  }

  @Test func `of two timings of a setting the reliable one is shown`() throws {
    var later = RecordBuilder()
    later.started = "2025-01-02T10:00:00Z"
    let again = marked(
      [later.latency(RecordBuilder.baseline, milliseconds: 40)], quality([.mostRoundsDisturbed]))
    let report = Report(records: records + again, name: "r")
    let median = try #require(report.groups[0].rows[0].latency).milliseconds.median
    #expect(abs(median - 12) < 1)
    #expect(report.verdict == nil)
  }

  @Test func `break-even maps leave unreliable cells out`() {
    let records = RecordBuilder.comparison()
    #expect(Report(records: records, name: "r").breakEvens.isEmpty == false)
    #expect(
      Report(records: marked(records, quality([.mostRoundsDisturbed])), name: "r").breakEvens
        .isEmpty)
  }

  @Test func `R chosen by alpha has its range, and a flat utility is noted`() throws {
    let rows = [0.3, 0.5].map {
      RowKey(
        model: RecordBuilder().model,
        method: RecordBuilder.method("tail_effect", ["r": .integer(52), "layer": .integer(3)]),
        reason: .alpha($0))
    }
    let report = Report(records: RecordBuilder.search(), name: "r", rows: rows)
    let curve = try #require(report.utilityCurves.first)
    let choice = try #require(curve.choice(alpha: 0.5))
    #expect(choice.range.contains(choice.tokens) && choice.alike.contains(choice.tokens))
    let lines = report.groups[0].choiceLines
    #expect(lines.count == 2)
    #expect(lines[1] == "α=0.5: \(curve.text(of: choice))")
    #expect(lines[1].hasPrefix("α=0.5: R = \(curve.removedTokens(alpha: 0.5)) ("))
    for text in texts(report) { #expect(text.contains("R = \(curve.removedTokens(alpha: 0.5)) (")) }
    let flat = TailEffectChoice(tokens: 73, range: 61...85, alike: [61, 73, 85])
    #expect(
      curve.text(of: flat)
        == "R = 72 (60–84); U is flat: R = 60, 72 and 84 are as good within its noise")
    let sure = TailEffectChoice(tokens: 73, range: 73...73, alike: [73])
    #expect(curve.text(of: sure) == "R = 72 (72–72)")
  }
}
