/// The sections of the page: one for each table, then what belongs to none.
struct PageSections {
  let report: Report

  var all: [Markup] {
    let tables = report.tables.enumerated().map(section)
    let none = report.groups.isEmpty ? Markup("p", text: "No results yet.") : nil
    return tables
      + [
        none, VariantTable.section(report.variants), PublishedTable.section(report.published),
        orphans, breakEven, failures, explanations,
        provenance,
      ].compactMap { $0 }
  }

  private func section(_ index: Int, _ group: RowGroup) -> Markup {
    func isHere(_ staircase: Staircase) -> Bool { staircase.belongs(to: group) }
    let measured = [
      ParetoFigure(report, only: group).map {
        figure("Accuracy against latency, with the Pareto front", $0.drawing())
      },
      LatencyFigure(report, only: group).map {
        figure("Latency of each row, with quartiles and speed-up", $0.drawing())
      },
      CostFigure(report, only: group).map {
        figure("Accuracy against the multiply-adds of one image", $0.drawing())
      },
      StaircaseFigure(report, where: isHere).map {
        figure($0.caption, $0.drawing())
      },
    ]
    let derived = [
      UtilityFigure(report) { isHere($0.staircase) }.map {
        figure("The utility of each token count, and the count chosen", $0.drawing())
      },
      AlphaFigure(report) { isHere($0.staircase) }.map {
        figure("What α decides: tokens removed, accuracy and latency", $0.drawing())
      },
    ]
    var nodes = [Markup("h2", text: group.title)]
    if let headline = group.headline {
      nodes.append(Markup("p", ["class": "headline"], text: headline))
    }
    nodes.append(figures(measured))
    nodes += PageTable(group: group, number: index + 1).nodes
    nodes.append(figures(derived))
    var section = Markup("section", ["class": "group"], children: nodes)
    for (name, value) in PageFilter.attributes(of: group) {
      section = section.with(name, .text(value))
    }
    return section
  }

  private func figures(_ figures: [Markup?]) -> Markup {
    Markup("div", ["class": "figures"], children: figures.compactMap { $0 })
  }

  private func plain(_ title: String, _ children: [Markup]) -> Markup {
    Markup("section", children: [Markup("h2", text: title)] + children)
  }

  private func list(_ texts: [String]) -> Markup {
    Markup("ul", children: texts.map { Markup("li", text: $0) })
  }

  /// Staircases of places that no table shows, for example of a machine where only grids were
  /// timed.
  private var orphans: Markup? {
    StaircaseFigure(report) { staircase in
      !report.groups.contains { staircase.belongs(to: $0) }
    }.map {
      let title = "Latency against the number of tokens"
      return plain(title, [figures([figure(title, $0.drawing())])])
    }
  }

  private var breakEven: Markup? {
    BreakEvenFigure(report).map {
      plain(
        "Where each method beats the baseline",
        [figures([figure("Speed-up by batch size and tokens removed", $0.drawing())])])
    }
  }

  private func figure(_ caption: String, _ drawing: Markup) -> Markup {
    // The page's own caption and tooltips take the place of the drawing's title.
    var drawing = drawing.with("aria-label", .text(caption)).with("role", "group")
    drawing.children.removeAll { $0.name == "title" }
    // A page of several panels needs the whole width to be read.
    let panels = drawing.children.count { $0.className == "panel" }
    let figure = Markup(
      "figure",
      children: [
        Markup("div", ["class": "scroll"], children: [drawing]),
        Markup("figcaption", text: caption),
      ])
    return panels > 1 ? figure.with("class", "wide") : figure
  }

  private var failures: Markup? {
    guard !report.failures.isEmpty else { return nil }
    let items = report.failures.map {
      Markup("li", children: [Markup("b", text: $0.trial), .text(": \($0.message)")])
    }
    return plain("Failed trials", [Markup("ul", children: items)])
  }

  private var explanations: Markup {
    let texts = (Mark.legend + MarkdownReport.explanations(of: report)).map {
      $0.replacing("`", with: "")
    }
    let summary = Markup("summary", children: [Markup("h2", text: "How to read this")])
    return Markup("section", children: [Markup("details", children: [summary, list(texts)])])
  }

  private var provenance: Markup? {
    report.provenance.isEmpty
      ? nil : plain("Measured on", [list(report.provenance.map(\.text))])
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
