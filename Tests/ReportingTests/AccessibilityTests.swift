import Foundation
import Records
import Testing

@testable import Reporting

/// Every type of page, checked with axe, Deque's accessibility checker, in light and dark mode.
///
/// `LAB_AXE` is the path of `axe.min.js`, which is in the npm package `axe-core` and the PyPI
/// package `axe-core-python`.
@Suite struct AccessibilityTests {
  private static let axe = ProcessInfo.processInfo.environment["LAB_AXE"]
    .flatMap { FileManager.default.isReadableFile(atPath: $0) ? $0 : nil }

  private static func kept(_ keeps: (Record.Measurement) -> Bool) -> [Record] {
    RecordBuilder.comparison().filter { keeps($0.measurement) }
  }

  private static let published = #"""
    {"source": "a paper", "hardware": "a board", "comparable": "the signs", "model": "demo_vit",
     "batch_size": 1, "baseline": {"latency_ms": 35.32},
     "rows": [{"label": "Top-K", "method": "topk", "match": {"r": 4}, "accuracy_drop_pp": 0.73,
       "latency_ms": 30.5}]}
    """#

  /// One report of each kind.
  private static func reports() throws -> [(name: String, report: Report)] {
    [
      (
        "all",
        Report(
          records: RecordBuilder.comparison() + RecordBuilder.staircase(batchSizes: [1, 4]),
          name: "all", rows: RecordBuilder.comparedRows,
          published: try PublishedNumbers.tables(of: Data(published.utf8)),
          about: ReportOrigin(description: "Everything.", spec: "{}\n", command: "lab run a.json"))
      ),
      ("search", Report(records: RecordBuilder.search(), name: "search")),
      (
        "latency",
        Report(records: kept { if case .latency = $0 { true } else { false } }, name: "latency")
      ),
      (
        "accuracy",
        Report(records: kept { if case .accuracy = $0 { true } else { false } }, name: "accuracy")
      ),
      ("small", Report(records: RecordBuilder.small(), name: "small")),
      ("none", Report(records: [], name: "none")),
    ]
  }

  @Test(
    .enabled(
      if: axe != nil && Browser.path != nil,
      "needs Chromium, and LAB_AXE to name axe.min.js of the package axe-core"),
    arguments: ["light", "dark"])
  func `axe finds no problems on any page, and the console is empty`(theme: String) throws {
    let source = try String(contentsOfFile: try #require(Self.axe), encoding: .utf8)
    let script = """
      document.documentElement.dataset.theme = "\(theme)";
      for (const part of document.querySelectorAll("details")) part.open = true;
      const outcome = document.createElement("pre");
      outcome.id = "outcome";
      axe.run(document, { resultTypes: ["violations"] }).then(found => {
        outcome.textContent = found.violations.flatMap(one =>
          one.nodes.slice(0, 3).map(node => one.id + ": " + node.target.join(" "))).join("; ")
          + complaints.join("; ");
        document.body.append(outcome);
      });
      """
    for (name, report) in try Self.reports() {
      // Errors are caught from before the page's own script runs.
      let page = HTMLPage(report: report).text().replacing(
        "<head>",
        with: """
          <head><script>const complaints = [];
          addEventListener("error", event => complaints.push(event.message));
          for (const kind of ["error", "warn"]) console[kind] = (...text) => complaints.push(text.join(" "));
          </script>
          """)
      let document = try withScratchFolder("axe-\(name)-\(theme)") { folder in
        try Data(source.utf8).write(to: folder.appendingPathComponent("axe.js"))
        return try Browser.document(of: page, after: script, files: ["axe.js"], in: folder)
      }
      let outcome = document.components(separatedBy: "<pre id=\"outcome\">").dropFirst().last?
        .components(separatedBy: "</pre>").first
      #expect(outcome == "", "\(name) in \(theme)")
    }
  }
}
