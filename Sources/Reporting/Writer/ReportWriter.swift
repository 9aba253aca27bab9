import Files
import Foundation
import Support

/// Writes a report's files: the document, the tables and the figures.
package enum ReportWriter {
  /// Writes every file of `report` into `folder`, which is created if it does not exist.
  ///
  /// Each file is written under a temporary name and then renamed, so that readers never see a
  /// partial one. Figures without data are not written. Files of an earlier report that are no
  /// longer written are deleted, including PNG files of changed drawings.
  ///
  /// - Returns: The paths, in the order of writing.
  /// - Throws: `ReportingError`.
  @discardableResult
  package static func write(_ report: Report, to folder: URL) throws -> [URL] {
    let figures = Figures.of(report)
    var files = figures.map { (Figures.path(type(of: $0)), document($0.drawing())) }
    if !report.groups.isEmpty || report.operations.isEmpty {
      files.append(("table.csv", CSVTable.all(report)))
    }
    if report.groups.contains(where: { !$0.front.isEmpty }) {
      files.append(("pareto.csv", CSVTable.front(report)))
    }
    if let classes = ClassTable.csv(report) { files.append(("classes.csv", classes)) }
    if !report.staircases.isEmpty {
      files.append(("staircase.csv", GridCSV.points(report.staircases)))
      files.append(("steps.csv", GridCSV.steps(report.staircases)))
    }
    if !report.published.isEmpty {
      files.append(("published.csv", PublishedCSV.text(report.published)))
    }
    let links = figures.map { (path: Figures.path(type(of: $0)), caption: $0.caption) }
    files.append(("report.md", MarkdownReport(report: report, figures: links).text()))
    files.append(("report.html", HTMLPage(report: report).text()))
    let stale = stale(besides: files, in: folder)
    let places = try files.map { file in
      let place = folder.appendingPathComponent(file.0)
      try makeFolder(place.deletingLastPathComponent())
      try replace(place, with: file.1)
      return place
    }
    // A file that cannot be deleted is left.
    for file in stale { try? FileManager.default.removeItem(at: file) }
    return places
  }

  /// Files of an earlier report that this one does not write, and PNG files of drawings that it
  /// changes.
  ///
  /// It contains only names that a report may write.
  private static func stale(besides files: [(String, String)], in folder: URL) -> [URL] {
    let written = Dictionary(files, uniquingKeysWith: { first, _ in first })
    let drawings = Figures.all.map(Figures.path)
    let names =
      drawings + [
        "pareto.csv", "classes.csv", "staircase.csv", "steps.csv", "published.csv",
      ]
    return names.flatMap { name -> [URL] in
      let file = folder.appendingPathComponent(name)
      if let text = written[name], holds(file, text) { return [] }
      let picture = file.deletingPathExtension().appendingPathExtension("png")
      return (written[name] == nil ? [file] : []) + (file.pathExtension == "svg" ? [picture] : [])
    }
  }

  /// Whether a regular file has exactly this text.
  private static func holds(_ file: URL, _ text: String) -> Bool {
    let bytes = try? RegularFile.contents(of: PathBytes(file.path), maxBytes: text.utf8.count)
    return bytes?.elementsEqual(text.utf8) ?? false
  }

  private static func document(_ drawing: Markup) -> String {
    FigureText.prologue + drawing.xml() + "\n"
  }

  private static func makeFolder(_ folder: URL) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw ReportingError.cannotCreateFolder(path: folder.path, reason: systemReason(of: error))
    }
  }

  private static func replace(_ file: URL, with text: String) throws {
    do {
      try WholeFile.write(Data(text.utf8), to: file)
    } catch {
      throw ReportingError.cannotWrite(path: file.path, reason: systemReason(of: error))
    }
  }
}
