/// The time of a pass by kind of operation as stacked bars, one bar per model; memory-bound parts
/// are hatched.
///
/// Source of the design: Liu et al., EfficientViT, arXiv:2305.07027, supplement, figures 1 to 4.
struct OperationsFigure: ReportDrawing {
  static let name = "operations"
  static let place = FigurePlace.withItsData

  private static let barHeight = 24.0
  private static let pitch = 62.0
  private static let colors = [
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#7A3E9D",
    "#8C6D31", "#999999",
  ]

  private let breakdowns: [OperationBreakdown]
  /// The kinds of operation by descending total time.
  private let kinds: [String]

  var caption: String {
    "Time of a pass by kind of operation; hatched: bound by memory, not by arithmetic"
  }

  init?(_ report: Report) {
    breakdowns = report.operations.filter { $0.total > 0 }
    if breakdowns.isEmpty { return nil }
    var shares: [String: Double] = [:]
    for one in breakdowns {
      for part in one.parts { shares[part.kind, default: 0] += part.milliseconds / one.total }
    }
    kinds = shares.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
  }

  private func color(_ kind: String) -> String {
    let place = kinds.firstIndex(of: kind) ?? 0
    return Self.colors[min(place, Self.colors.count - 1)]
  }

  func drawing(_ layout: FigureLayout) -> Markup {
    let width = layout == .wide ? 720.0 : 348
    let device = Set(breakdowns.map(\.device))
    let heading =
      device.count == 1
      ? FigureText.wrapped(device.first ?? "", width: width - 8, size: FigureText.size) : []
    var y = 18.0
    var nodes: [Markup] = heading.map { line in
      defer { y += 17 }
      return FigureText.node(line, at: Point(x: 4, y: y))
    }
    for one in breakdowns {
      nodes += bar(one, top: y, width: width - 8)
      y += Self.pitch
    }
    let entries =
      kinds.map { LegendEntry.cell($0, color: color($0)) } + [
        LegendEntry(text: "hatched: bound by memory") { point in
          let box = Box(x: point.x - 8, y: point.y - 5, width: 16, height: 10)
          return .group("hatch", [.frame(box, stroke: "#666666", width: 0.6), Self.hatch(box)])
        }
      ]
    let (legend, height) = LegendEntry.layout(entries, top: y, left: 4, width: width - 8)
    let end = y + height + 4
    return .page(
      title: "Time of a pass by kind of operation", width: width, height: end,
      [.group("panel", nodes), legend])
  }

  private func bar(_ one: OperationBreakdown, top: Double, width: Double) -> [Markup] {
    let name = FigureText.fitted(
      one.label(among: breakdowns), width: width, size: FigureText.size * 1.06)
    let share = Int((100 * one.memoryBoundShare).rounded())
    var nodes = [
      FigureText.node(name, at: Point(x: 4, y: top + 12), bold: true),
      FigureText.node(
        "\(significant(one.total)) ms, \(share) % of it bound by memory",
        at: Point(x: 4, y: top + 20 + Self.barHeight + 13), color: FigureText.softInk),
    ]
    var x = 4.0
    let ordered = one.parts.sorted {
      (kinds.firstIndex(of: $0.kind) ?? 0) < (kinds.firstIndex(of: $1.kind) ?? 0)
    }
    for part in ordered {
      let box = Box(
        x: x, y: top + 18, width: width * part.milliseconds / one.total, height: Self.barHeight)
      nodes.append(segment(part, box, of: one))
      x = box.maxX
    }
    return nodes
  }

  private func segment(
    _ part: OperationBreakdown.Part, _ box: Box, of one: OperationBreakdown
  ) -> Markup {
    let percent = 100 * part.milliseconds / one.total
    let text =
      "\(part.kind): \(significant(part.milliseconds)) ms, \(fixed(percent, digits: 1)) %, "
      + (part.isMemoryBound ? "bound by memory" : "bound by arithmetic")
    var children = [
      Markup("title", text: text),
      .rectangle(box, fill: color(part.kind)).with("stroke", "#ffffff").with("stroke-width", 0.8),
    ]
    if part.isMemoryBound { children.append(Self.hatch(box)) }
    let label = "\(fixed(percent, digits: 0)) %"
    if box.width > FigureText.width(label, size: FigureText.size) + 10 {
      children.append(
        FigureText.node(label, at: Point(x: box.center.x, y: box.center.y + 4.1), anchor: .middle)
          .with("stroke", "#ffffff").with("stroke-width", 3).with("paint-order", "stroke"))
    }
    return Markup("g", ["class": "point cell"], children: children)
  }

  /// Diagonal lines within `box`.
  ///
  /// They are drawn as lines because an SVG pattern needs an id, and the page contains each drawing
  /// twice.
  private static func hatch(_ box: Box) -> Markup {
    var d = ""
    for start in stride(from: box.x - box.height, to: box.maxX, by: 6) {
      // From the lower edge up to the right, clipped at both sides.
      let left = max(start, box.x)
      let right = min(start + box.height, box.maxX)
      guard right > left else { continue }
      d +=
        "M\(coordinate(left)),\(coordinate(box.maxY - (left - start)))"
        + "L\(coordinate(right)),\(coordinate(box.maxY - (right - start)))"
    }
    return Markup(
      "path",
      [
        "d": .text(d), "stroke": "#222222", "stroke-width": 0.9, "stroke-opacity": 0.55,
        "fill": "none",
      ])
  }
}
