import Measurement
import Records
import Testing

@testable import Reporting

/// Reports whose rows are models.
@Suite struct ModelTableTests {
  private static let names = ["small", "medium", "large"]

  /// Three models, each more accurate and slower than the previous one.
  private func records(method: MethodSetting? = nil) -> [Record] {
    Self.names.enumerated().flatMap { index, name -> [Record] in
      var builder = RecordBuilder()
      builder.model.name = name
      builder.model.tokens = 145 + index
      let none = RecordBuilder.baseline
      let milliseconds = Double(10 * (index + 1))
      return builder.accuracy(none, correct: 0.7 + 0.1 * Double(index)) + [
        builder.latency(none, milliseconds: milliseconds)
      ] + (method.map { [builder.latency($0, milliseconds: milliseconds / 2)] } ?? [])
    }
  }

  @Test func `models with the same device and data set are rows of one table`() throws {
    let report = Report(records: records(), name: "r", baselines: ["*": "small"])
    #expect(report.tables.count == 1)
    let table = try #require(report.tables.first)
    #expect(table.isOfModels)
    #expect(Set(table.rows.map(\.label)) == Set(Self.names))
    // All are on the front, because none is both as accurate and as fast as another.
    #expect(table.rows.filter(\.isOnFront).count == 3)
    let large = try #require(table.rows.first { $0.label == "large" })
    let ratio = try #require(large.speedup?.ratio)
    #expect(abs(ratio - 1 / 3) < 0.02)
    #expect(try #require(large.speedup).isSlower)
    let groups = Dictionary(uniqueKeysWithValues: report.groups.map { ($0.model.name, $0.rows[0]) })
    let points = try #require(large.change?.points)
    let mine = try #require(groups["large"]?.accuracy?.top1Percent)
    let theirs = try #require(groups["small"]?.accuracy?.top1Percent)
    #expect(abs(points - (mine - theirs)) < 1e-9)
    let small = try #require(table.rows.first { $0.label == "small" })
    #expect(small.speedup == nil && small.change == nil)
    let text = TerminalTable(report, width: 200).text()
    #expect(text.contains("model") && text.contains("params, M") && !text.contains("tokens"))
  }

  @Test func `each model is compared with the baseline in the spec`() throws {
    let report = Report(
      records: records(), name: "r", baselines: ["large": "medium"])
    let rows = try #require(report.tables.first).rows
    let large = try #require(rows.first { $0.label == "large" })
    let ratio = try #require(large.speedup?.ratio)
    #expect(abs(ratio - 2.0 / 3) < 0.03)
    #expect(large.notes.contains("against medium"))
    let medium = try #require(rows.first { $0.label == "medium" })
    #expect(medium.speedup == nil)
  }

  @Test func `models with measured methods keep their tables`() {
    let topk = RecordBuilder.method("topk", ["r": .integer(4)])
    let report = Report(records: records(method: topk), name: "r")
    #expect(report.tables.count == 3 && !report.tables.contains(where: \.isOfModels))
    let named = Report(
      records: records(method: topk), name: "r", baselines: ["*": "small"])
    #expect(named.tables.count == 4 && named.tables[0].isOfModels)
  }

  @Test func `a published line for a model is shown only next to that model`() throws {
    let line = { (model: String) in
      PublishedNumbers.Line(
        label: model, method: "none", match: nil, model: model, batchSize: nil, device: nil,
        r: nil, latencyMilliseconds: 1, accuracyDropPoints: nil, top1: nil,
        statedChangePercent: nil)
    }
    let published = PublishedNumbers(
      source: "a paper", hardware: "a card", comparable: "ratios", model: nil, batchSize: nil,
      baseline: nil, rows: [line("large"), line("absent")])
    let report = Report(
      records: records(), name: "r", published: [published], baselines: ["*": "small"])
    let lines = report.published[0].lines
    #expect(lines.count == 2)
    #expect(lines[0].measured?.group.model.name == "large")
    #expect(lines[0].measured?.row.speedup?.isSlower == true)
    #expect(lines[1].measured == nil)
  }

  @Test func `published models are compared with the published line of their baseline`() throws {
    let line = { (model: String, milliseconds: Double, top1: Double, stated: Double?) in
      PublishedNumbers.Line(
        label: model, method: "none", match: nil, model: model, batchSize: nil, device: nil,
        r: nil, latencyMilliseconds: milliseconds, accuracyDropPoints: nil, top1: top1,
        statedChangePercent: stated)
    }
    let published = PublishedNumbers(
      source: "a paper", hardware: "a card", comparable: "ratios", model: nil, batchSize: nil,
      baseline: nil,
      rows: [
        line("small", 0.9, 79.4, nil), line("large", 0.68, 79.3, -32), line("absent", 2, 80, nil),
      ])
    let report = Report(
      records: records(), name: "r", published: [published], baselines: ["*": "small"])
    let lines = report.published[0].lines
    #expect(lines.map { $0.changePercent?.rounded() } == [nil, -24, nil])
    #expect(lines.map { $0.deltaPoints.map { ($0 * 10).rounded() } } == [nil, -1, nil])
    #expect(
      lines[1].notes == [
        "stated as −32.0 %, which its milliseconds contradict: −24.4 %; it divides by the method's "
          + "latency instead of the baseline's"
      ])
    #expect(TerminalTable(report, width: 200).text().contains("−24.4 %"))
    #expect(HTMLPage(report: report).text().contains("−24.4 %"))
  }
}
