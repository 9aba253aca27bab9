import Records

/// A Jupyter notebook that reads a report's CSV files with pandas and redraws its figures with
/// matplotlib, so that they can be changed.
struct Notebook {
  let report: Report
  /// The path of the report's folder relative to the notebook.
  let results: String

  private enum Cell {
    case markdown(String)
    case code(String)
  }

  func text() -> String {
    let cells = cells.enumerated().map { index, cell in
      switch cell {
      case .markdown(let source):
        JSONValue.object([
          "cell_type": .string("markdown"), "id": .string("cell-\(index)"),
          "metadata": .object([:]), "source": lines(source),
        ])
      case .code(let source):
        JSONValue.object([
          "cell_type": .string("code"), "id": .string("cell-\(index)"), "metadata": .object([:]),
          "source": lines(source), "execution_count": .null, "outputs": .array([]),
        ])
      }
    }
    return JSONText.document(
      .object([
        "nbformat": .integer(4), "nbformat_minor": .integer(5), "cells": .array(cells),
        "metadata": .object([
          "kernelspec": .object([
            "display_name": .string("Python 3"), "language": .string("python"),
            "name": .string("python3"),
          ]),
          "language_info": .object(["name": .string("python")]),
        ]),
      ]))
  }

  /// A cell's source as nbformat expects it: lines including their line breaks.
  private func lines(_ source: String) -> JSONValue {
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    return .array(
      lines.enumerated().map { index, line in
        .string(line + (index + 1 < lines.count ? "\n" : ""))
      })
  }

  private var cells: [Cell] {
    var cells: [Cell] = [
      .markdown(
        """
        # \(report.name)

        Reads `table.csv` of a run and redraws its figures. Needs pandas and matplotlib. The columns
        are explained in `Results/README.md`.
        """),
      .code("RESULTS = \(pythonText(results))\n\n" + Resource.notebookTables),
      .code(style),
      .markdown("## Accuracy against latency"),
      .code(Resource.notebookPareto),
    ]
    if !report.staircases.isEmpty {
      cells += [
        .markdown("## Latency against the number of tokens"), .code(Resource.notebookStaircase),
      ]
    }
    guard report.groups.contains(where: { !$0.front.isEmpty }) else { return cells }
    return cells + [
      .markdown("## The front, by rising latency"),
      .code(Resource.notebookFront),
    ]
  }

  private func pythonText(_ text: String) -> String { JSONText.line(.string(text)) }

  /// The report's colors and markers, which each method declares.
  private var style: String {
    let names = Set(report.groups.flatMap { $0.rows.map(\.method.name) })
    let styles = MethodStyle.styles(for: Array(names), report.joined.catalog)
    let lines = styles.sorted { $0.key < $1.key }.map { name, style in
      "    \(pythonText(name)): (\"\(style.color)\", \"\(style.shape.matplotlibMarker)\"),"
    }
    return "# Color and marker of each method, as in the report.\nSTYLE = {\n"
      + lines.joined(separator: "\n") + "\n}\n" + Resource.notebookSettings
  }
}

extension MethodStyle.Shape {
  /// The same shape in matplotlib.
  fileprivate var matplotlibMarker: String {
    switch self {
    case .circle: "o"
    case .square: "s"
    case .diamond: "D"
    case .triangle: "^"
    case .triangleDown: "v"
    case .cross: "x"
    }
  }
}
