import Files
import Foundation
import Support

/// A report as one self-contained HTML page with embedded style, script and drawings; nothing is
/// loaded.
///
/// Without JavaScript it is a complete document with native tooltips. With it, tables can be
/// sorted, rows and points filtered, and charts explored with the keyboard.
struct HTMLPage {
  let report: Report

  func text() -> String {
    let page = Markup("html", ["lang": "en"], children: [head, body])
    return "<!doctype html>\n" + page.html() + "\n"
  }

  private var head: Markup {
    Markup(
      "head",
      children: [
        Markup("meta", ["charset": "utf-8"]),
        Markup("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
        Markup(
          "meta", ["http-equiv": "Content-Security-Policy", "content": .text(policy)]),
        Markup("meta", ["name": "color-scheme", "content": "light dark"]),
        Markup("title", text: report.name), .verbatim("style", Resource.style),
      ])
  }

  private var body: Markup {
    Markup(
      "body",
      children: [
        Markup("a", ["class": "skip", "href": "#results"], text: "Skip to the results"), header,
        PageFilter(report: report).form,
        Markup("main", ["id": "results"], children: PageSections(report: report).all),
        Markup("div", ["id": "tip", "role": "tooltip", "hidden": ""]),
        .verbatim("script", Resource.script),
      ])
  }

  /// The content security policy: only the page's own style and script, identified by their hashes,
  /// and embedded images are allowed.
  private var policy: String {
    func hash(_ text: String) -> String {
      "'sha256-\(Data(SHA256.hash(data: Data(text.utf8))).base64EncodedString())'"
    }
    let pictures = report.tokens.isEmpty ? "" : "img-src data:; "
    return "default-src 'none'; \(pictures)style-src \(hash(Resource.style)); "
      + "script-src \(hash(Resource.script)); base-uri 'none'; form-action 'none'"
  }

  private var header: Markup {
    var nodes = [Markup("h1", text: report.name)]
    if !report.about.description.isEmpty {
      nodes.append(Markup("p", ["class": "about"], text: report.about.description))
    }
    nodes += [Markup("p", ["class": "summary"], text: summary), downloads].compactMap { $0 }
    if let verdict = report.verdict {
      nodes.append(
        Markup("p", ["class": "verdict", "role": "alert"], children: Self.prose(verdict.text)))
    }
    nodes += report.remarks.map { Markup("p", ["class": "verdict"], children: Self.prose($0)) }
    return Markup("header", children: nodes)
  }

  /// A sentence whose parts in backticks become `code` elements.
  private static func prose(_ text: String) -> [Markup] {
    let parts = text.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
    // An unclosed backtick is a plain character.
    guard parts.count % 2 == 1 else { return [.text(text)] }
    return parts.enumerated().map { $0 % 2 == 1 ? Markup("code", text: $1) : .text($1) }
  }

  /// Download links that contain the files, so that the page can be shared as one file.
  private var downloads: Markup? {
    let files: [(name: String, type: String, text: String)] =
      (report.groups.isEmpty
        ? [] : [("\(report.name).csv", "text/csv", CSVTable.all(report))])
      + (report.about.spec.map { [("\(report.name).json", "application/json", $0)] } ?? [])
    guard !files.isEmpty else { return nil }
    return Markup(
      "p", ["class": "downloads"], text: "Download: ",
      children: files.map { file in
        Markup(
          "a",
          [
            "download": .text(file.name),
            "href": .text(
              "data:\(file.type);charset=utf-8;base64,"
                + Data(file.text.utf8).base64EncodedString()),
          ], text: file.type == "text/csv" ? "rows (CSV)" : "spec (JSON)")
      })
  }

  private var summary: String {
    guard !report.groups.isEmpty || report.operations.isEmpty else {
      return "\(counted(report.operations.count, "pass", "passes")) taken apart"
    }
    let rows = report.tables.reduce(0) { $0 + $1.rows.count }
    let methods = Set(report.tables.flatMap { $0.rows.map(\.method.name) }).count
    return "\(counted(rows, "row")) in \(counted(report.tables.count, "table")), "
      + counted(methods, report.tables.allSatisfy(\.isOfModels) ? "model" : "method")
      + (report.failures.isEmpty ? "" : ", \(counted(report.failures.count, "failed trial"))")
  }
}
