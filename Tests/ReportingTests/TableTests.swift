import Testing

@testable import Reporting

@Suite struct TableTests {
  @Test(arguments: [96, 100, 110, 120, 200])
  func `a terminal table fits the given width`(width: Int) {
    let report = Report(records: RecordBuilder.comparison(), name: "r")
    let lines = TerminalTable(report, width: width).text().split(separator: "\n")
    let rows = lines.filter { $0.contains("tail_effect") || $0.contains("──") }
    #expect(rows.isEmpty == false)
    #expect(rows.allSatisfy { $0.count <= width })
  }

  @Test func `a narrow terminal keeps what distinguishes rows`() {
    let text = TerminalTable(
      Report(records: RecordBuilder.comparison(), name: "r"), width: 60
    ).text()
    let rows = text.split(separator: "\n").filter {
      $0.contains("tail_effect") || $0.contains("tome")
    }
    #expect(rows.count == 2 * 6)
    #expect(rows.allSatisfy { $0.count <= 60 && $0.contains(" r=") })
    // A method with one row has no differing parameters and shows how much it removes.
    let builder = RecordBuilder()
    let single = Report(
      records: [
        builder.latency(RecordBuilder.baseline, milliseconds: 9),
        builder.latency(
          RecordBuilder.method("tail_effect", ["r": .integer(72), "layer": .integer(3)]),
          milliseconds: 5),
      ], name: "r")
    #expect(TerminalTable(single, width: 40).text().contains("tail_effect  r=72 "))
  }

  @Test func `control characters from records never reach the terminal`() {
    var builder = RecordBuilder()
    builder.model.name = "demo\u{1B}[31m"
    builder.device.hardware = "CPU\u{7}"
    let text = TerminalTable(
      Report(records: [builder.latency(RecordBuilder.baseline, milliseconds: 9)], name: "r")
    ).text()
    #expect(text.contains(#"demo\u{1b}[31m"#) && text.contains(#"CPU\u{7}"#))
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
  }

  @Test func `only the front is bold, and only on request`() {
    let report = Report(records: RecordBuilder.comparison(), name: "r")
    #expect(TerminalTable(report).text().contains("\u{1B}") == false)
    let bold = TerminalTable(report, highlightsFront: true).text().split(separator: "\n")
      .filter { $0.contains("\u{1B}[1m") }
    #expect(bold.count == report.groups.flatMap(\.front).count)
    #expect(bold.allSatisfy { $0.contains("●") })
  }

  @Test func `cells with commas and quotes are quoted as in RFC 4180`() {
    #expect(CSVTable.quoted("a") == "a")
    #expect(CSVTable.quoted("a, \"b\"") == "\"a, \"\"b\"\"\"")
    #expect(CSVTable.quoted("a\nb") == "\"a\nb\"")
  }

  @Test func `every line of a CSV has every column`() {
    let report = Report(records: RecordBuilder.comparison(), name: "r")
    let lines = CSVTable.all(report).split(separator: "\n")
    #expect(lines.count == 1 + report.groups.flatMap(\.rows).count)
    for line in lines { #expect(fields(in: line) == CSVTable.columns.count) }
    #expect(Set(CSVTable.columns.map(\.name)).count == CSVTable.columns.count)
  }

  private func fields(in line: Substring) -> Int {
    var count = 1
    var isQuoted = false
    for character in line {
      if character == "\"" { isQuoted.toggle() }
      if character == ",", !isQuoted { count += 1 }
    }
    return count
  }

  @Test func `the front's file lists the front by increasing latency`() {
    let report = Report(records: RecordBuilder.comparison(), name: "r")
    let lines = CSVTable.front(report).split(separator: "\n")
    #expect(lines.count == 1 + report.groups.flatMap(\.front).count)
    for group in report.groups {
      let medians = group.front.compactMap { $0.latency?.milliseconds.median }
      #expect(medians == medians.sorted())
      let accuracies = group.front.compactMap { $0.accuracy?.top1Percent }
      #expect(accuracies == accuracies.sorted())
    }
  }

  @Test func `notes that differ only in numbers are combined`() {
    var notes = NumberedNotes()
    #expect(notes.reference(to: ["3 of 60 samples are outliers"]) == "[1]")
    #expect(notes.reference(to: ["timed on host-7, the baseline on host-8"]) == "[2]")
    #expect(
      notes.reference(to: ["the last third is 5.3 % faster", "12 of 60 samples are outliers"])
        == "[1,3]")
    #expect(notes.reference(to: ["timed on host-9, the baseline on host-8"]) == "[4]")
    #expect(notes.reference(to: ["accuracy over 1,200 of 50,000 images"]) == "[5]")
    #expect(notes.reference(to: ["accuracy over 900 of 50,000 images"]) == "[5]")
    #expect(notes.reference(to: []) == "")
    #expect(
      notes.lines == [
        "[1] 3–12 of 60 samples are outliers", "[2] timed on host-7, the baseline on host-8",
        "[3] the last third is 5.3 % faster", "[4] timed on host-9, the baseline on host-8",
        "[5] accuracy over 900–1,200 of 50,000 images",
      ])
  }

  @Test func `numbers are written for readers and for machines`() {
    #expect(fixed(-1.25, digits: 1) == "−1.2")
    #expect(plain(-0.001, digits: 2) == "0.00")
    #expect(signed(0.31, digits: 1) == "+0.3")
    #expect(signed(0.01, digits: 1) == "0.0")
    #expect(trimmed(2.50, digits: 4) == "2.5")
    #expect(trimmed(-3, digits: 4) == "-3")
    #expect(significant(12.3456) == "12.35")
    #expect(significant(0.01234) == "0.012")
    #expect(significant(1234.56) == "1235")
    #expect(grouped(1_234_567) == "1,234,567")
    #expect(grouped(999) == "999")
  }
}
