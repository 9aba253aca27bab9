import Records

/// A Jupyter notebook that reads a report's CSV files with pandas and redraws its figures with
/// matplotlib, for whoever wants to change them.
struct Notebook {
  let report: Report
  /// The report's folder as seen from where the notebook will lie.
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

  /// A cell's source as nbformat wants it: lines with their breaks.
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
      .code(
        """
        from pathlib import Path

        import matplotlib.pyplot as plt
        import pandas as pd

        results = Path(\(pythonText(results)))
        table = pd.read_csv(results / "table.csv")
        table[["method", "label", "batch_size", "top1_percent", "latency_ms_median", "speedup", "on_front"]]
        """),
      .code(style),
      .markdown("## Accuracy against latency"),
      .code(Self.pareto),
    ]
    if !report.staircases.isEmpty {
      cells += [.markdown("## Latency against the number of tokens"), .code(Self.staircase)]
    }
    return cells + [
      .markdown("## The front, by rising latency"),
      .code(
        """
        front = pd.read_csv(results / "pareto.csv")
        front[["batch_size", "label", "top1_percent", "delta_top1_points", "latency_ms_median", "speedup"]]
        """),
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
      + lines.joined(separator: "\n") + "\n}\n" + Self.settings
  }

  private static let settings = """
    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
                         "grid.color": "#e6e6e6", "axes.axisbelow": True, "svg.fonttype": "none"})
    PLACE = ["model", "weights", "dataset", "device", "hardware", "threads", "batch_size", "precision"]
    """

  private static let pareto = """
    drawn = table.dropna(subset=["top1_percent", "latency_ms_median"])
    for place, rows in drawn.groupby(PLACE, dropna=False):
        figure, axes = plt.subplots(figsize=(6, 4))
        for method, points in rows.groupby("method", sort=False):
            color, marker = STYLE.get(method, ("#0072B2", "P"))
            x, y = points["latency_ms_median"], points["top1_percent"]
            axes.errorbar(
                x, y, fmt=marker, color=color, label=method, elinewidth=1, markersize=6,
                xerr=[x - points["latency_ms_q1"], points["latency_ms_q3"] - x],
                yerr=[y - points["top1_percent_low"], points["top1_percent_high"] - y])
        best = rows[rows["on_front"]].sort_values("latency_ms_median")
        axes.step(best["latency_ms_median"], best["top1_percent"], where="post", color="#8a8a8a", zorder=1)
        axes.set(xlabel="Latency (ms per batch, median)", ylabel="Top-1 accuracy (%)",
                 title="{model}, batch {batch_size}".format(**dict(zip(PLACE, place))))
        axes.legend(frameon=False, fontsize=8)
        plt.show()
    """

  private static let staircase = """
    grid = pd.read_csv(results / "staircase.csv")
    steps = pd.read_csv(results / "steps.csv")
    keys = ["model", "device", "hardware", "threads", "batch_size", "precision"]
    for place, points in grid.groupby(keys):
        figure, axes = plt.subplots(figsize=(6, 4))
        axes.plot(points["tokens"], points["latency_ms_median"], ".-", color="#0072B2")
        axes.fill_between(points["tokens"], points["latency_ms_q1"], points["latency_ms_q3"],
                          color="#0072B2", alpha=0.2, linewidth=0)
        for _, step in steps[(steps[keys] == list(place)).all(axis=1)].iterrows():
            axes.axvspan(step["tokens_low"], step["tokens_high"], color="#D55E00", alpha=0.18)
        axes.set(xlabel="Tokens in every block", ylabel="Latency (ms per batch, median)",
                 title="{model}, batch {batch_size}".format(**dict(zip(keys, place))))
        plt.show()
    """
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
