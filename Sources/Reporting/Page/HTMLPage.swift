import Crypto
import Foundation

/// A report as one self-contained page: its style, script and drawings are inside, and nothing is
/// loaded from anywhere.
///
/// Without scripts it is a complete document with native tooltips; with them tables sort, rows and
/// points can be filtered, and charts answer to the keyboard.
struct HTMLPage {
  let report: Report

  func text() -> String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="\(Self.policy)">
    <meta name="color-scheme" content="light dark">
    <title>\(escapedXML(report.name))</title>
    <style>\(PageStyle.text)</style>
    </head>
    <body>
    <a class="skip" href="#results">Skip to the results</a>
    <header>
    <h1>\(escapedXML(report.name))</h1>
    <p class="summary">\(escapedXML(summary))</p>
    \(report.verdict.map { "<p class=\"verdict\" role=\"alert\">\(escapedXML($0.text))</p>" } ?? "")
    \(report.remarks.map { "<p class=\"verdict\">\(escapedXML($0))</p>" }.joined(separator: "\n"))
    </header>
    \(PageFilter(report: report).html)
    <main id="results">
    \(report.groups.enumerated().map(section).joined(separator: "\n"))
    \(report.groups.isEmpty ? "<p>No results yet.</p>" : "")
    \(PublishedTable.html(report.published))
    \(orphans)
    \(breakEven)
    \(failures)
    \(explanations)
    \(provenance)
    </main>
    <div id="tip" role="tooltip" hidden></div>
    <script>\(PageScript.text)</script>
    </body>
    </html>

    """
  }

  /// Nothing is loaded, sent or run but the page's own style and script, each named by its hash.
  private static let policy: String = {
    func hash(_ text: String) -> String {
      "'sha256-\(Data(SHA256.hash(data: Data(text.utf8))).base64EncodedString())'"
    }
    return "default-src 'none'; style-src \(hash(PageStyle.text)); "
      + "script-src \(hash(PageScript.text)); base-uri 'none'; form-action 'none'"
  }()

  private var summary: String {
    let rows = report.groups.reduce(0) { $0 + $1.rows.count }
    let methods = Set(report.groups.flatMap { $0.rows.map(\.method.name) }).count
    func count(_ number: Int, _ word: String) -> String {
      "\(number) \(word)\(number == 1 ? "" : "s")"
    }
    return "\(count(rows, "row")) in \(count(report.groups.count, "table")), "
      + "\(count(methods, "method"))"
      + (report.failures.isEmpty ? "" : ", \(count(report.failures.count, "failed trial"))")
  }

  private func section(_ index: Int, _ group: RowGroup) -> String {
    func isHere(_ staircase: Staircase) -> Bool { staircase.belongs(to: group) }
    let measured = [
      ParetoFigure(report, only: group).map {
        figure("Accuracy against latency, with the Pareto front", $0.drawing())
      },
      StaircaseFigure(report, where: isHere).map {
        figure("Latency against the number of tokens, with its steps", $0.drawing())
      },
    ].compactMap { $0 }
    let derived = [
      UtilityFigure(report) { isHere($0.staircase) }.map {
        figure("The utility of each token count, and the count chosen", $0.drawing())
      },
      AlphaFigure(report) { isHere($0.staircase) }.map {
        figure("What α decides: tokens removed, accuracy and latency", $0.drawing())
      },
    ].compactMap { $0 }
    return """
      <section class="group"\(PageFilter.attributes(of: group))>
      <h2>\(escapedXML(group.title))</h2>
      \(group.headline.map { "<p class=\"headline\">\(escapedXML($0))</p>" } ?? "")
      <div class="figures">
      \(measured.joined(separator: "\n"))
      </div>
      \(PageTable(group: group, number: index + 1).html)
      <div class="figures">
      \(derived.joined(separator: "\n"))
      </div>
      </section>
      """
  }

  /// Staircases of places that no table shows, for example of a machine where only grids were
  /// timed.
  private var orphans: String {
    let drawn = StaircaseFigure(report) { staircase in
      !report.groups.contains { staircase.belongs(to: $0) }
    }
    guard let drawn else { return "" }
    return """
      <section>
      <h2>Latency against the number of tokens</h2>
      <div class="figures">\(figure("Latency against the number of tokens", drawn.drawing()))</div>
      </section>
      """
  }

  private var breakEven: String {
    guard let drawn = BreakEvenFigure(report) else { return "" }
    return """
      <section>
      <h2>Where each method beats the baseline</h2>
      <div class="figures">\(figure("Speed-up by batch size and tokens removed", drawn.drawing()))</div>
      </section>
      """
  }

  private func figure(_ caption: String, _ drawing: SVGNode) -> String {
    // The page's own caption and tooltips take the place of the drawing's title.
    var drawing = drawing.with("aria-label", .text(caption)).with("role", "group")
    drawing.children.removeAll { $0.name == "title" }
    // A page of several panels needs the whole width to be read.
    let panels = drawing.children.count { $0.className == "panel" }
    return """
      <figure\(panels > 1 ? " class=\"wide\"" : "")>
      <div class="scroll">\(drawing.rendered())</div>
      <figcaption>\(escapedXML(caption))</figcaption>
      </figure>
      """
  }

  private var failures: String {
    guard !report.failures.isEmpty else { return "" }
    let items = report.failures.map {
      "<li><b>\(escapedXML($0.trial))</b>: \(escapedXML($0.message))</li>"
    }
    return "<section><h2>Failed trials</h2><ul>\(items.joined(separator: "\n"))</ul></section>"
  }

  private var explanations: String {
    let items = (Mark.legend + MarkdownReport.explanations).map {
      "<li>\(escapedXML($0.replacing("`", with: "")))</li>"
    }
    return """
      <section><details><summary><h2>How to read this</h2></summary>
      <ul>\(items.joined(separator: "\n"))</ul></details></section>
      """
  }

  private var provenance: String {
    guard !report.provenance.isEmpty else { return "" }
    let items = report.provenance.map { "<li>\(escapedXML($0.text))</li>" }
    return "<section><h2>Measured on</h2><ul>\(items.joined(separator: "\n"))</ul></section>"
  }
}

extension RowGroup {
  /// The fastest row that loses little accuracy, in a sentence; `nil` where none is faster.
  var headline: String? {
    let candidates = rows.filter { row in
      guard let change = row.change, let speedup = row.speedup else { return false }
      return change.points >= -1 && speedup.isFaster && row.accuracy?.isComplete == true
    }
    let best = candidates.max { ($0.speedup?.ratio ?? 0) < ($1.speedup?.ratio ?? 0) }
    guard let best, let speedup = best.speedup, let change = best.change else { return nil }
    return "Fastest that loses at most one percentage point: \(best.label), "
      + "\(fixed(speedup.ratio, digits: 2))× as fast, "
      + "\(signed(change.points, digits: change.digits)) pp"
      + (change.isWithinNoise ? " (within noise)" : "")
  }
}
