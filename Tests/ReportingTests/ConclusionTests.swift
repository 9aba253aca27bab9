import Foundation
import Records
import Testing

@testable import Reporting

/// The conclusion of a run, and the tables after it.
@Suite struct ConclusionTests {
  private static func report(_ keeps: (Record.Measurement) -> Bool = { _ in true }) -> Report {
    Report(
      records: RecordBuilder.comparison().filter { keeps($0.measurement) }, name: "r",
      rows: RecordBuilder.comparedRows)
  }

  @Test func `a sentence names the fastest row with little loss for each table`() throws {
    let text = try #require(Self.report().conclusion)
    #expect(text.hasPrefix("Fastest that loses at most one percentage point: batch 1: "))
    #expect(text.contains("tail_effect r=72") && text.contains("; batch 4: "))
    #expect(text.hasSuffix(" pp).") || text.hasSuffix(" pp ≈)."))
  }

  @Test func `latency alone and accuracy alone have their own conclusions`() throws {
    let latency = Self.report { if case .latency = $0 { true } else { false } }
    #expect(try #require(latency.conclusion).hasPrefix("Fastest: batch 1: tail_effect r=108"))
    let accuracy = Self.report { if case .accuracy = $0 { true } else { false } }
    let text = try #require(accuracy.conclusion)
    #expect(text.hasPrefix("Fewest multiply-adds for at most one percentage point: tail_effect"))
    #expect(text.contains("GMACs, ") && text.contains("% of the baseline's"))
  }

  @Test func `without data there is no conclusion`() {
    #expect(Report(records: [], name: "r").conclusion == nil)
    let alone = [RecordBuilder().latency(RecordBuilder.baseline, milliseconds: 3)]
    #expect(Report(records: alone, name: "r").conclusion == nil)
  }

  @Test func `a table that is too wide becomes paragraphs without losing data`() {
    let table = TextTable(
      header: ["key", "meaning", "value"], alignments: [.leading, .leading, .leading],
      rows: [
        ["r", "tokens that are merged away at every block", "a whole number"], ["s", "", "x"],
      ])
    #expect(table.linesOrParagraphs(width: 200) == table.lines())
    #expect(
      table.linesOrParagraphs(width: 30) == [
        "r", "    meaning: tokens that are", "    merged away at every block",
        "    value: a whole number", "s", "    value: x",
      ])
  }

  @Test(arguments: [30, 60, 80])
  func `a table is fitted to its width by removing columns, then wrapping cells`(width: Int) {
    let table = TextTable(
      header: ["name", "what it does", "more"], alignments: [.leading, .leading, .trailing],
      rows: [
        ["one", "it does something that takes many words to be said", "12345678901"],
        ["two", "little", "1"],
      ])
    let lines = table.lines(width: width, dropping: ["more"], wrapping: "what it does")
    #expect(lines.allSatisfy { $0.count <= width }, "\(lines)")
    #expect(lines[0].contains("more") == (width > 30))
    let words = lines.joined(separator: " ").split(separator: " ")
    for word in "it does something that takes many words to be said".split(separator: " ") {
      #expect(words.contains(word))
    }
  }

  @Test func `classes are counted, and those that lose most are shown`() throws {
    let report = Self.report()
    let group = try #require(report.groups.first)
    let names = (0..<10).map { "kind \($0)" }
    let table = try #require(ClassTable(group, report.joined, names: names))
    #expect(table.classes == 10)
    #expect(table.lines.allSatisfy { $0.images == 200 && $0.name.hasPrefix("kind ") })
    #expect(table.lines.map(\.baseline) == table.lines.map(\.baseline).sorted())
    // The mean over the classes is the total accuracy, because each has the same number of images.
    let mean = table.lines.map(\.baseline).reduce(0, +) / 10
    let whole = try #require(group.rows.first(where: \.isBaseline)?.accuracy?.top1Percent)
    #expect(abs(mean - whole) < 1e-9)
    let csv = try #require(ClassTable.csv(report))
    #expect(csv.split(separator: "\n").count == 1 + 10 * group.rows.count)
  }

  @Test func `a published change agrees or deviates if it is comparable`() throws {
    func judged(
      model: String, stated: Double, drop: Double, isReliable: Bool = true
    ) throws -> (text: String?, report: Report) {
      var builder = RecordBuilder()
      builder.model.name = "deit_tiny_patch16_224"
      builder.dataset.classes = 1000
      let topk = RecordBuilder.method("topk", ["r": .integer(4)])
      var records =
        builder.accuracy(RecordBuilder.baseline, correct: 0.9)
        + builder.accuracy(topk, correct: 0.85)
        + [
          builder.latency(RecordBuilder.baseline, milliseconds: 12),
          builder.latency(topk, milliseconds: 9),
        ]
      for index in records.indices where !isReliable {
        guard case .latency(let trial, var result) = records[index].measurement else { continue }
        result.quality = TimingQuality(
          counters: .read, rounds: 24, disturbed: [], flaws: [.wideInterval])
        records[index].measurement = .latency(trial, result)
      }
      let text = """
        {"source": "s", "hardware": "h", "comparable": "c", "model": "\(model)", "batch_size": 1,
         "baseline": {"latency_ms": 100}, "rows": [{"label": "Top-K", "method": "topk",
         "accuracy_drop_pp": \(drop), "latency_ms": \(stated)}]}
        """
      let report = Report(
        records: records, name: "r", published: try PublishedNumbers.tables(of: Data(text.utf8)))
      let table = try #require(report.published.first)
      return (
        PublishedAgreement(try #require(table.lines.first), table.numbers)?.text, report
      )
    }
    let model = "deit_tiny_patch16_224"
    let near = try judged(model: model, stated: 75, drop: 5)
    #expect(near.text == "Δ agrees, latency agrees")
    let far = try #require(try judged(model: model, stated: 110, drop: 30).text)
    #expect(far.hasPrefix("Δ deviates by +") && far.contains("latency deviates by −3"))
    #expect(try judged(model: "deit_small_patch16_224", stated: 75, drop: 5).text == nil)

    // Nothing is concluded from an unreliable timing, and it is marked.
    let doubtful = try judged(model: model, stated: 75, drop: 5, isReliable: false)
    #expect(doubtful.text == "Δ agrees")
    let terminal = try #require(
      PublishedTable.text(doubtful.report.published, width: 120).first)
    #expect(terminal.contains("% ?"), "\(terminal)")
    let figure = try #require(PublishedFigure(doubtful.report)).drawing().xml()
    #expect(figure.contains("timing not reliable") && figure.contains("opacity=\"0.35\""))
    #expect(
      try #require(PublishedFigure(near.report)).drawing().xml().contains("not reliable") == false)
  }

  @Test func `operation breakdowns are stacked, with the memory-bound part`() throws {
    func breakdown(_ model: String) -> OperationBreakdown {
      OperationBreakdown(
        model: model, method: "none", device: "cpu: Example", batchSize: 1, precision: "float32",
        passMilliseconds: 10,
        parts: [
          .init(
            kind: "qkv", calls: 12, milliseconds: 6, flops: 1000, bytes: 10, isMemoryBound: false),
          .init(
            kind: "copy", calls: 3, milliseconds: 2, flops: 0, bytes: 2_000_000, isMemoryBound: true
          ),
        ], measured: "2025-01-01T00:00:00Z")
    }
    let report = Report(
      records: [], name: "r", operations: [breakdown("a"), breakdown("b")])
    let drawing = try #require(OperationsFigure(report)).drawing().xml()
    #expect(drawing.contains("8.000 ms, 25 % of it bound by memory"))
    #expect(drawing.contains("<title>copy: 2.000 ms, 25.0 %, bound by memory</title>"))
    let page = HTMLPage(report: report).text()
    #expect(page.contains("Where the time of a pass goes") && !page.contains("No results yet"))
    #expect(MarkdownReport(report: report, figures: []).text().contains("| a | qkv | 12 | 6.000 |"))
    #expect(
      breakdown("a").isOfSame(as: breakdown("a")) && !breakdown("a").isOfSame(as: breakdown("b")))
  }

  @Test func `the page shows the tokens of images and allows no other images`() {
    let tokens = SampleTokens(
      model: "m", grid: 2, pictures: [.init(base64PNG: "AAAA", label: "cat")],
      rows: [.init(label: "topk r=1", method: "topk", states: [["k", "d", "f", "3"]])])
    #expect(tokens.isWhole)
    let page = HTMLPage(report: Report(records: [], name: "r", tokens: [tokens])).text()
    #expect(page.contains("img-src data:; style-src"))
    #expect(page.contains("Tokens that topk r=1 leaves of cat"))
    let broken = SampleTokens(
      model: "m", grid: 2, pictures: tokens.pictures,
      rows: [.init(label: "a", method: "a", states: [["k", "x", "f", "3"]])])
    #expect(!broken.isWhole)
  }
}
