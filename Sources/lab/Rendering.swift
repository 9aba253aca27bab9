import Experiments
import Foundation
import Records
import Reporting

/// Turns records into the terminal's table and the files of a report.
enum Rendering {
  /// Writes the report's files and prints its table.
  ///
  /// - Parameter rows: The rows to show; all that were measured when `nil`.
  static func write(
    records: [Record], rows: [PlannedRow]?, name: String, folder: URL
  ) throws {
    let report = Report(
      records: records, name: name, rows: rows.map { $0.map(\.key) },
      published: PublishedNumbers.stored(in: folder),
      command: CommandFile.read(folder).map(Session.command), in: folder)
    let table = TerminalTable(
      report, width: Console.outputIsTerminal ? Console.width : 120,
      highlightsFront: Console.outputIsTerminal)
    if !report.groups.isEmpty || report.operations.isEmpty { print(table.text()) }
    let files = try ReportWriter.write(report, to: folder)
    if let conclusion = report.conclusion { print(PlainText.printable(conclusion)) }
    print("Page: " + Console.link(to: folder.appendingPathComponent("report.html")))
    let names = files.map { $0.path.replacing(folder.path + "/", with: "", maxReplacements: 1) }
      .filter { $0 != "report.html" }
    print("Next to it: \(names.joined(separator: ", "))")
    if let hidden = Hidden(report).text {
      Console.note(
        "not shown: \(hidden); `lab report \(Session.quoted(folder.relativePath)) --all` shows all")
    }
  }
}

extension PlannedRow {
  /// The row in the form of a report.
  var key: RowKey {
    RowKey(
      model: model, method: method, reason: reason, control: control, race: race,
      place: RowPlace(
        weights: dataset == nil ? nil : model.weights, dataset: dataset, device: device,
        batchSize: batchSize, precision: precision))
  }
}

extension Report {
  /// The report of a folder's records, with the files that the last run stored next to them.
  init(
    records: [Record], name: String, rows: [RowKey]?, published: [PublishedNumbers],
    command: String?, in folder: URL
  ) {
    let context = ReportContext.read(folder)
    let spec = SpecFile.read(folder)
    self.init(
      records: records, name: name, rows: rows, published: published, command: command,
      paths: context.paths, remarks: context.remarks, baselines: context.baselines ?? [:],
      about: ReportOrigin(
        description: spec?.description ?? "", spec: spec?.text, command: command),
      operations: OperationsFile.read(folder), tokens: SampleTokensFile.read(folder),
      classNames: context.classNames ?? [:])
  }
}

extension PublishedNumbers {
  /// What the last run of a folder stored; `nil` and a warning if the file was changed.
  static func stored(in folder: URL) -> [PublishedNumbers] {
    guard let data = PublishedFile.read(folder) else { return [] }
    do {
      return try tables(of: data)
    } catch {
      Console.warn(
        "\(folder.relativePath)/\(PublishedFile.name) is not as a run writes it, so the published numbers are left out; `lab run` writes it anew"
      )
      return []
    }
  }
}
