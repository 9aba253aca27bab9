/// The sections of the page: one for each table, then those that belong to no table.
struct PageSections {
  let report: Report

  var all: [Markup] {
    let tables = report.tables.enumerated().map(section)
    let isEmpty = report.groups.isEmpty && report.operations.isEmpty
    let none = isEmpty ? Markup("p", text: "No results yet.") : nil
    let before = [
      none, operations, VariantTable.section(report.variants), published, orphans,
    ]
    let after = [tokens, failures, explanations, spec, provenance]
    return tables + (before + figureSections + after).compactMap { $0 }
  }

  private func section(_ index: Int, _ group: RowGroup) -> Markup {
    var nodes = [Markup("h2", text: group.title)]
    if let headline = group.headline {
      nodes.append(Markup("p", ["class": "headline"], text: headline))
    }
    nodes.append(figures(Figures.of(report, only: group, at: .aboveTable)))
    nodes += PageTable(group: group, number: index + 1).nodes
    nodes.append(figures(Figures.of(report, only: group, at: .belowTable)))
    let names = group.dataset.flatMap { report.classNames[$0.fingerprint] }
    if let classes = ClassTable(group, report.joined, names: names) {
      nodes.append(classes.node(number: index + 1))
    }
    var section = Markup("section", ["class": "group"], children: nodes)
    for (name, value) in PageFilter.attributes(of: group) {
      section = section.with(name, .text(value))
    }
    return section
  }

  private func figures(_ figures: [any ReportDrawing]) -> Markup {
    Markup("div", ["class": "figures"], children: figures.map(figure))
  }

  private func plain(_ title: String, _ children: [Markup]) -> Markup {
    Markup("section", children: [Markup("h2", text: title)] + children)
  }

  private func list(_ texts: [String]) -> Markup {
    Markup("ul", children: texts.map { Markup("li", text: $0) })
  }

  private var operations: Markup? {
    OperationsFigure(report).map {
      plain(
        OperationsTable.heading,
        [figures([$0])] + OperationsTable(breakdowns: report.operations).nodes)
    }
  }

  /// The tokens that each method keeps of a few images.
  private var tokens: Markup? {
    guard !report.tokens.isEmpty else { return nil }
    let panels = report.tokens.enumerated().flatMap { index, tokens in
      [
        Markup("h3", text: "\(tokens.model): what is left after the last reduction"),
        SampleTokensFigure(tokens: tokens, number: index).node,
      ]
    }
    return plain("Tokens of three pictures", panels + HTMLTable.notes(SampleTokensFigure.legend))
  }

  private var published: Markup? {
    var section = PublishedTable.section(report.published)
    if let figure = PublishedFigure(report) { section?.children.append(figures([figure])) }
    return section
  }

  /// Staircases of configurations that no table shows, for example of a device on which only grids
  /// were timed.
  private var orphans: Markup? {
    StaircaseFigure(report) { staircase in
      !report.groups.contains { staircase.belongs(to: $0) }
    }.map { plain("Latency against the number of tokens", [figures([$0])]) }
  }

  /// Figures with a section of their own.
  private var figureSections: [Markup?] {
    Figures.sections(report).map { plain($0.heading, [figures([$0.figure])]) }
  }

  /// The figure for wide and for narrow windows; the style sheet shows one of them.
  private func figure(_ figure: any ReportDrawing) -> Markup {
    let drawings = FigureLayout.allCases.map { layout in
      // The page's caption and tooltips replace the drawing's title.
      var drawing = figure.drawing(layout).with("aria-label", .text(figure.caption))
        .with("role", "group").with("class", layout == .wide ? "for-wide" : "for-narrow")
      drawing.children.removeAll { $0.name == "title" }
      return drawing
    }
    // Several panels need the full width to be legible.
    let panels = drawings[0].children.count { $0.className == "panel" }
    let node = Markup(
      "figure", children: drawings + [Markup("figcaption", text: figure.caption)])
    return panels > 1 ? node.with("class", "wide") : node
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

  private var spec: Markup? {
    report.about.spec.map { text in
      let summary = Markup("summary", children: [Markup("h2", text: "Spec")])
      let copy = Markup("pre", ["tabindex": "0"], text: text)
      let command = report.about.command.map {
        Markup("p", text: "Run by ", children: [Markup("code", text: $0)])
      }
      return Markup(
        "section",
        children: [
          Markup("details", children: [summary, command, copy].compactMap { $0 })
        ])
    }
  }

  private var provenance: Markup? {
    report.provenance.isEmpty
      ? nil : plain(report.provenanceTitle, [list(report.provenance.map(\.text))])
  }
}

extension RowGroup {
  /// A sentence about the fastest row that loses little accuracy; `nil` if none is faster.
  var headline: String? {
    guard let best = fastestWithinPoint, let speedup = best.speedup, let change = best.change
    else { return nil }
    return (isSimulated ? "Predicted to be the fastest " : "Fastest ")
      + "that loses at most one percentage point: \(best.label), "
      + "\(fixed(speedup.ratio, digits: 2))× as fast, "
      + "\(signed(change.points, digits: change.digits)) pp"
      + (change.isWithinNoise ? " (within noise)" : "")
  }
}
