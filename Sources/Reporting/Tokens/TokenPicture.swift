/// Draws the states of the patches of an image: the input, then one panel for each reduction, and a
/// legend.
///
/// It knows only patches and their states, not the model.
package struct TokenPicture {
  /// The state of one patch.
  package enum Cell: Hashable, Sendable {
    case kept
    case fused
    case dropped
    /// Patches of the same group are one token.
    case merged(group: Int)
  }

  /// One reduction.
  package struct Panel: Sendable {
    package let label: String
    /// One cell for each patch, row by row.
    package let cells: [Cell]

    package init(label: String, cells: [Cell]) {
      self.label = label
      self.cells = cells
    }
  }

  /// The square input image of the model, before normalization.
  package struct Input: Sendable {
    /// The image: a PNG file as base64 text.
    let base64PNG: String
    /// The number of patches along a side.
    let grid: Int
    /// The label above the input image.
    let label: String

    package init(base64PNG: String, grid: Int, label: String) {
      self.base64PNG = base64PNG
      self.grid = grid
      self.label = label
    }
  }

  private let input: Input
  private let headings: [String]
  private let panels: [Panel]

  /// - Parameters:
  ///   - headings: Lines above the panels, the first one larger; long ones are wrapped.
  ///   - panels: In the order of the reductions, with `grid * grid` cells each.
  package init(input: Input, headings: [String], panels: [Panel]) {
    precondition(
      panels.allSatisfy { $0.cells.count == input.grid * input.grid }, "a cell for each patch")
    self.input = input
    self.headings = headings
    self.panels = panels
  }

  private static let margin = 16.0
  private static let textSize = 13.0
  private static let lineHeight = 18.0
  private static let labelHeight = 20.0
  /// The maximum number of panels in one row.
  private static let oneRow = 3

  private var columns: Int {
    let count = panels.count + 1
    return count <= Self.oneRow ? count : count <= 8 ? (count + 1) / 2 : 4
  }

  private var side: Double { panels.count < Self.oneRow ? 384 : 288 }

  /// The finished drawing as the text of an SVG file.
  package func svg() -> String { "\(FigureText.prologue)\(drawing().xml())\n" }

  func drawing() -> Markup {
    let margin = Self.margin
    let rows = (panels.count + columns) / columns
    let width = margin + Double(columns) * (side + margin)
    let lines = headings.enumerated().flatMap { index, text in
      FigureText.wrapped(text, width: width - 2 * margin, size: Self.textSize).map {
        (text: $0, isTitle: index == 0)
      }
    }
    let top = margin + Double(lines.count) * Self.lineHeight + margin / 2
    let rowHeight = Self.labelHeight + side + margin
    let legend = TokenLegend(panels: panels).drawing(
      top: top + Double(rows) * rowHeight, left: margin, width: width - 2 * margin)
    let height = top + Double(rows) * rowHeight + legend.height + margin
    let title = lines.enumerated().map { index, line in
      FigureText.node(
        line.text, at: Point(x: margin, y: margin + 12 + Double(index) * Self.lineHeight),
        size: Self.textSize, color: line.isTitle ? FigureText.ink : FigureText.softInk,
        bold: line.isTitle)
    }
    return .page(
      title: headings.first ?? "", width: width, height: height, definitions: [definitions],
      [.group("heading", title)] + drawnPanels(top: top, rowHeight: rowHeight) + [legend.node])
  }

  /// The image, defined once for all panels.
  private var definitions: Markup {
    let picture = Markup(
      "image",
      [
        "id": "input", "width": .number(side), "height": .number(side),
        "href": .text("data:image/png;base64,\(input.base64PNG)"),
      ])
    return Markup("defs", children: [picture])
  }

  private func drawnPanels(top: Double, rowHeight: Double) -> [Markup] {
    var colors: [Int: Int] = [:]
    let untouched = [Cell](repeating: .kept, count: input.grid * input.grid)
    return (0...panels.count).map { index in
      let cells = index == 0 ? untouched : panels[index - 1].cells
      colors = GroupColors.choose(cells: cells, grid: input.grid, before: colors)
      let origin = Point(
        x: Self.margin + Double(index % columns) * (side + Self.margin),
        y: top + Double(index / columns) * rowHeight)
      let painter = PanelPainter(
        cells: cells, before: index < 2 ? nil : panels[index - 2].cells, grid: input.grid,
        colors: colors, origin: Point(x: origin.x, y: origin.y + Self.labelHeight),
        patch: side / Double(input.grid))
      let label = index == 0 ? input.label : panels[index - 1].label
      return .group(
        "panel",
        [
          FigureText.node(
            FigureText.fitted(label, width: side, size: Self.textSize),
            at: Point(x: origin.x, y: origin.y + 13), size: Self.textSize),
          Markup(
            "use",
            [
              "href": "#input", "x": .number(origin.x),
              "y": .number(origin.y + Self.labelHeight),
            ]),
        ] + painter.nodes)
    }
  }
}
