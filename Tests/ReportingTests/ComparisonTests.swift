import Records
import Testing

@testable import Reporting

@Suite struct ComparisonTests {
  private let topk = RecordBuilder.method("topk", ["r": .integer(4)])

  /// A run of the baseline and `topk` on a machine whose latencies are multiplied by `slowness`.
  private func report(
    _ name: String, host: String, hardware: String, slowness: Double = 1, correct: Double = 0.8,
    extra: [MethodSetting] = [], images: Int = 400
  ) -> Report {
    var builder = RecordBuilder()
    builder.host = host
    builder.device.hardware = hardware
    builder.dataset.images = images
    if images != 400 { builder.dataset.fingerprint = "f-\(images)" }
    return Report(
      records: builder.accuracy(RecordBuilder.baseline, correct: 0.9)
        + builder.accuracy(topk, correct: correct) + [
          builder.latency(RecordBuilder.baseline, milliseconds: 10 * slowness),
          builder.latency(topk, milliseconds: 8 * slowness),
        ] + extra.map { builder.latency($0, milliseconds: 5) }, name: name)
  }

  @Test func `two machines are compared row by row`() throws {
    let comparison = Comparison(
      a: report("left", host: "a", hardware: "Old CPU", slowness: 2),
      b: report("right", host: "b", hardware: "New CPU"))
    let group = try #require(comparison.groups.first)
    #expect(comparison.groups.count == 1)
    #expect(group.rows.map(\.method.name) == ["none", "topk"])
    for row in group.rows {
      let speedup = try #require(row.speedup)
      #expect(abs(speedup.ratio - 2) < 0.01)
      #expect(speedup.interval.contains(2))
      // The predictions are the same, so no image differs.
      #expect(row.change?.points == 0)
      #expect(row.change?.isWithinNoise == true)
    }
  }

  @Test func `equal runs differ only within noise`() throws {
    let comparison = Comparison(
      a: report("left", host: "a", hardware: "CPU"), b: report("right", host: "a", hardware: "CPU"))
    for row in try #require(comparison.groups.first).rows {
      #expect(row.speedup?.isWithinNoise == true)
      #expect(row.speedup?.ratio == 1)
    }
  }

  @Test func `a change of accuracy is paired image by image`() throws {
    let comparison = Comparison(
      a: report("left", host: "a", hardware: "CPU", correct: 0.85),
      b: report("right", host: "a", hardware: "CPU", correct: 0.7))
    let row = try #require(comparison.groups.first?.rows.last)
    let change = try #require(row.change)
    #expect(change.points < -10)
    #expect(change.isWithinNoise == false)
    #expect(change.outcomes.images == 400)
  }

  @Test func `different data sets are not paired`() throws {
    let comparison = Comparison(
      a: report("left", host: "a", hardware: "CPU"),
      b: report("right", host: "a", hardware: "CPU", images: 300))
    #expect(try #require(comparison.groups.first).rows.allSatisfy { $0.change == nil })
  }

  @Test func `a method that only one side has leaves gaps`() throws {
    let tome = RecordBuilder.method("tome", ["r": .integer(8)])
    let comparison = Comparison(
      a: report("left", host: "a", hardware: "CPU"),
      b: report("right", host: "a", hardware: "CPU", extra: [tome]))
    let row = try #require(comparison.groups.first?.rows.last)
    #expect(row.method == tome)
    #expect(row.first == nil && row.second != nil && row.speedup == nil)
    #expect(ComparisonTable(comparison).text().contains("tome"))
  }

  @Test func `reports with nothing in common are reported`() {
    let comparison = Comparison(
      a: report("left", host: "a", hardware: "CPU"), b: Report(records: [], name: "right"))
    #expect(
      ComparisonTable(comparison).text()
        == "The two reports share no model and batch size whose precisions can be paired.\n")
  }

  @Test func `all three texts contain every row`() throws {
    let comparison = Comparison(
      a: report("left", host: "a", hardware: "Old CPU", slowness: 2),
      b: report("right", host: "b", hardware: "New CPU"))
    let table = ComparisonTable(comparison)
    #expect(table.text().contains("A: left, cpu: Old CPU, 2 threads; demo, 400 images"))
    #expect(table.markdown().contains("| topk | r=4 |"))
    let lines = table.csv().split(separator: "\n")
    #expect(lines.count == 3)
    let columns = lines.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }
    // The parameters of `topk` are one key, so they contain no comma.
    #expect(Set(columns).count == 1)
  }
}
