import Files
import Foundation
import Testing

@testable import Reporting

/// A browser that runs the page, if one is installed.
enum Browser {
  static let path = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// The page's document after its own script, the given `files` of the folder, and `script` have
  /// run.
  static func document(
    of page: String, after script: String, files: [String] = [], in folder: URL
  ) throws -> String {
    let file = folder.appendingPathComponent("page.html")
    // The page's policy allows only its own script.
    let open = page.replacing(
      /script-src .*?; base-uri/, with: "script-src 'unsafe-inline' file:; base-uri")
    let sources = files.map { "<script src=\"\($0)\"></script>" }.joined()
    let whole = open.replacing(
      "</body>", with: "\(sources)<script>\(script)</script></body>")
    try Data(whole.utf8).write(to: file)
    let process = Process()
    process.executableURL = path.map { URL(fileURLWithPath: $0) }
    process.arguments = [
      "--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND",
      // Virtual time in which scripts may wait.
      "--virtual-time-budget=60000",
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

  @Test func `the page is self-contained`() {
    let page = HTMLPage(report: report).text()
    let addresses = page.components(separatedBy: "http").dropFirst().map { $0.prefix(24) }
    #expect(
      addresses.allSatisfy {
        $0.hasPrefix("://www.w3.org/2000/svg\"") || $0.hasPrefix("-equiv=")
      })
    for loading in ["src=", "@import", "url(", "<link", "fetch(", "XMLHttpRequest"] {
      #expect(page.contains(loading) == false, "\(loading)")
    }
  }

  @Test func `the page's policy allows only its own style and script`() throws {
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
    // Inline attributes are not covered by hashes.
    for inline in [" style=\"", " onclick=", "javascript:"] { #expect(!page.contains(inline)) }
  }

  @Test func `names are escaped, and all rows and tables are present`() {
    let page = HTMLPage(report: report).text()
    #expect(page.contains("<h1>a &lt;b&gt; &amp; c</h1>"))
    #expect(page.components(separatedBy: "<section class=\"group\"").count == 3)
    let rows = report.groups.reduce(0) { $0 + $1.rows.count }
    // Two tables of accuracy by class have ten each.
    #expect(page.components(separatedBy: "<th scope=\"row\"").count == rows + 20 + 1)
  }

  @Test func `the headline names the fastest row with little loss`() throws {
    let group = try #require(report.groups.first)
    #expect(
      group.headline
        == "Fastest that loses at most one percentage point: tail_effect r=72, layer=3, "
        + "1.37× as fast, −0.9 pp")
  }

  @Test(.enabled(if: Browser.path != nil, "no Chromium on this machine"))
  func `in a browser, tables sort, filters hide, and points are announced`() throws {
    // Simulates clicks; the results are left in the document for the test to read.
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

  @Test(.enabled(if: Browser.path != nil, "no Chromium on this machine"))
  func `in a browser, a figure is redrawn only if rows are hidden`()
    throws
  {
    let script = """
      const out = [];
      const panel = document.querySelector("svg.for-wide g.panel[data-area]");
      const round = text => text.replace(/[0-9.]+/g, number => Number(number).toFixed(1));
      const picture = () => round([
        ...all(".point", panel).map(point => point.getAttribute("transform")
          + point.querySelector(".marker").getAttribute("fill")),
        ...all(".ticks text", panel).map(text => text.textContent + "@" + text.getAttribute("y")),
        ...all(".error-bars path", panel).map(path => path.getAttribute("d")),
        panel.querySelector("polyline.front").getAttribute("points"),
      ].join("|"));
      const section = panel.closest("section");
      const before = picture();
      const numbers = all("tr.front", section).length;
      isChanged = true;
      filter();
      out.push("same " + (picture() === before));
      out.push("front " + (all("tr.front", section).length === numbers));
      document.querySelector("[name=method][value=random]").click();
      document.querySelector("[name=method][value=tail_effect]").click();
      out.push("other " + (picture() !== before));
      // Every corner of the front is a point that can be seen.
      const shown = all(".point:not(.off)", panel)
        .map(point => point.getAttribute("transform").match(/[0-9.]+/g).join(","));
      const corners = panel.querySelector("polyline.front").getAttribute("points").split(" ")
        .filter((_, i) => i % 2 === 0);
      out.push("corners " + (corners.length > 1 && corners.every(corner => shown.includes(corner))));
      const rows = all("tr.front", section).map(row => row.dataset.method);
      out.push("rows " + (rows.length === corners.length && !rows.includes("tail_effect")));
      out.push("address " + location.hash);
      const point = panel.querySelector(".point:not(.off)");
      point.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
      const lit = all("tr.lit", section);
      out.push("lit " + (lit.length === 1 && lit[0].dataset.row === point.dataset.row));
      const results = document.createElement("pre");
      results.id = "outcome"; results.textContent = out.join("; ");
      document.body.append(results);
      """
    let document = try withScratchFolder("redraw") { folder in
      try Browser.document(of: HTMLPage(report: report).text(), after: script, in: folder)
    }
    let outcome = document.components(separatedBy: "<pre id=\"outcome\">").last?
      .components(separatedBy: "</pre>").first
    #expect(
      outcome
        == "same true; front true; other true; corners true; rows true; "
        + "address #hide=tail_effect&amp;hide=random; lit true")
  }
}
