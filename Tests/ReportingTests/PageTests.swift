import Crypto
import Foundation
import Testing

@testable import Reporting

/// A browser to run the page in, where the machine has one.
enum Browser {
  static let path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// The page's document after its own script and then `script` ran.
  static func document(of page: String, after script: String, in folder: URL) throws -> String {
    let file = folder.appendingPathComponent("page.html")
    // The page's policy runs no script but its own.
    let open = page.replacing(
      /script-src .*?; base-uri/, with: "script-src 'unsafe-inline'; base-uri")
    let whole = open.replacing("</body>", with: "<script>\(script)</script></body>")
    try Data(whole.utf8).write(to: file)
    let process = Process()
    process.executableURL = path.map { URL(fileURLWithPath: $0) }
    process.arguments = [
      "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND",
      "--user-data-dir=\(folder.appendingPathComponent("profile").path)", "--dump-dom", file.path,
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }
}

@Suite struct PageTests {
  private let report = Report(
    records: RecordBuilder.comparison() + RecordBuilder.staircase(batchSizes: [1, 4]),
    name: "a <b> & c",
    rows: RecordBuilder.comparedRows)

  @Test func `the page needs nothing but itself`() {
    let page = HTMLPage(report: report).text()
    let addresses = page.components(separatedBy: "http").dropFirst().map { $0.prefix(24) }
    #expect(
      addresses.allSatisfy { $0 == "://www.w3.org/2000/svg\" " || $0.hasPrefix("-equiv=") })
    for loading in ["src=", "@import", "url(", "<link", "fetch(", "XMLHttpRequest"] {
      #expect(page.contains(loading) == false, "\(loading)")
    }
  }

  @Test func `the page's policy allows its own style and script and nothing else`() throws {
    let page = HTMLPage(report: report).text()
    func hash(_ tag: String) throws -> String {
      let parts = page.components(separatedBy: "<\(tag)>")
      #expect(parts.count == 2)
      let text = try #require(parts.last?.components(separatedBy: "</\(tag)>").first)
      return "'sha256-\(Data(SHA256.hash(data: Data(text.utf8))).base64EncodedString())'"
    }
    let policy =
      "default-src 'none'; style-src \(try hash("style")); script-src \(try hash("script")); "
      + "base-uri 'none'; form-action 'none'"
    #expect(
      page.contains(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"\(escapedXML(policy))\">"))
    // Neither is covered by a hash.
    for inline in [" style=\"", " onclick=", "javascript:"] { #expect(!page.contains(inline)) }
  }

  @Test func `names are escaped, and every row and table is there`() {
    let page = HTMLPage(report: report).text()
    #expect(page.contains("<h1>a &lt;b&gt; &amp; c</h1>"))
    #expect(page.components(separatedBy: "<section class=\"group\"").count == 3)
    let rows = report.groups.reduce(0) { $0 + $1.rows.count }
    #expect(page.components(separatedBy: "<th scope=\"row\"").count == rows + 1)
  }

  @Test func `the headline names the fastest row that loses little`() throws {
    let group = try #require(report.groups.first)
    #expect(
      group.headline
        == "Fastest that loses at most one percentage point: tail_effect r=72, layer=3, "
        + "1.37× as fast, −0.9 pp")
  }

  @Test(.enabled(if: Browser.path != nil, "no Chromium on this machine"))
  func `in a browser, tables sort, filters hide and points speak`() throws {
    // What a person would click; the outcome is left in the document for the test to read.
    let script = """
      const out = [];
      const button = Array.from(document.querySelectorAll("table thead button"))
        .find(button => button.textContent.startsWith("latency"));
      const column = button.closest("th").cellIndex;
      const values = () => Array.from(button.closest("table").tBodies[0].rows)
        .map(row => Number(row.cells[column].dataset.value));
      const isSorted = (list, sign) => list.every((v, i) => !i || sign * (v - list[i - 1]) >= 0);
      button.click(); out.push("ascending " + isSorted(values(), 1));
      button.click(); out.push("descending " + isSorted(values(), -1));
      out.push("spoken " + button.closest("th").getAttribute("aria-sort"));
      const box = document.querySelector("[name=method][value=tome]");
      box.click();
      const visible = selector => Array.from(document.querySelectorAll(selector))
        .filter(item => item.getClientRects().length > 0).length;
      out.push("tome rows " + visible("tr[data-method=tome]"));
      out.push("tome points " + visible("svg .point[data-method=tome]"));
      out.push("topk rows " + visible("tr[data-method=topk]"));
      const batch = document.querySelector("[data-filter=batch]");
      batch.value = "4"; batch.dispatchEvent(new Event("change", { bubbles: true }));
      out.push("tables " + visible("section.group"));
      out.push(document.getElementById("shown").textContent);
      const svg = Array.from(document.querySelectorAll("figure svg"))
        .find(svg => svg.getClientRects().length > 0);
      const first = svg.querySelector(".point[tabindex='0']");
      first.focus();
      out.push("tip " + (document.getElementById("tip").textContent === first.getAttribute("aria-label")));
      first.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
      out.push("moved " + (document.activeElement !== first
        && document.activeElement.matches(".point")));
      const results = document.createElement("pre");
      results.id = "outcome"; results.textContent = out.join("; ");
      document.body.append(results);
      """
    let document = try withScratchFolder("browser") { folder in
      try Browser.document(of: HTMLPage(report: report).text(), after: script, in: folder)
    }
    let outcome = document.components(separatedBy: "<pre id=\"outcome\">").last?
      .components(separatedBy: "</pre>").first
    #expect(
      outcome
        == "ascending true; descending true; spoken descending; tome rows 0; tome points 0; "
        + "topk rows 6; tables 1; 12 of 30 rows; tip true; moved true")
  }
}
