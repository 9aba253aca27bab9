import Foundation

/// A page of panels of equal size under a heading, with a legend below.
struct FigurePage {
  /// The space to the left of and below a panel's area for its labels, and above it for its title.
  private static let margins = (left: 62.0, right: 16.0, top: 30.0, bottom: 46.0)
  private static let textSize = 12.0
  private static let lineHeight = 17.0
  /// The margin on both sides of the page.
  private let side: Double

  /// The title lines of the whole page.
  let heading: [String]
  let legend: [LegendEntry]
  let columns: Int
  /// Size of a panel with its margins.
  let panelSize: (width: Double, height: Double)
  let panelCount: Int
  /// The positions of the heading and the legend.
  private let textLeft: Double

  init(heading: [String], legend: [LegendEntry], panels: Int, layout: FigureLayout) {
    self.legend = legend
    panelCount = max(1, panels)
    columns = layout.columns(of: panelCount)
    panelSize = layout.panelSize(columns: columns)
    side = layout == .wide ? 10 : 4
    textLeft = layout == .wide ? side + Self.margins.left : side
    let room = Double(columns) * panelSize.width + side - textLeft
    self.heading = heading.flatMap {
      FigureText.wrapped($0, width: room, size: Self.textSize)
    }
  }

  private var headingHeight: Double {
    heading.isEmpty ? 4 : Double(heading.count) * Self.lineHeight + 12
  }
  private var width: Double { Double(columns) * panelSize.width + 2 * side }

  /// The plotting area of a panel, counted row by row.
  func area(of panel: Int) -> Box {
    let column = Double(panel % columns)
    let row = Double(panel / columns)
    return Box(
      x: side + column * panelSize.width + Self.margins.left,
      y: headingHeight + row * panelSize.height + Self.margins.top,
      width: panelSize.width - Self.margins.left - Self.margins.right,
      height: panelSize.height - Self.margins.top - Self.margins.bottom)
  }

  /// The whole drawing: a white page, the heading, the panels' nodes and the legend.
  func drawing(title: String, panels: [Markup]) -> Markup {
    let rows = (Double(panelCount) / Double(columns)).rounded(.up)
    let legendTop = headingHeight + rows * panelSize.height + 8
    let (legendNode, legendHeight) = LegendEntry.layout(
      legend, top: legendTop, left: textLeft, width: width - side - textLeft)
    let height = legendTop + legendHeight + 4
    let lines = heading.enumerated().map { index, line in
      FigureText.node(
        line, at: Point(x: textLeft, y: 18 + Double(index) * Self.lineHeight), size: Self.textSize)
    }
    return .page(
      title: title, width: width, height: height, [.group("heading", lines)] + panels + [legendNode]
    )
  }
}

/// One entry of a legend: a symbol and its meaning.
struct LegendEntry {
  let text: String
  /// Draws the symbol, at most 18 pixels wide, around a point.
  let sign: (Point) -> Markup

  /// The entries side by side, wrapped at `width`, and the height they take.
  static func layout(
    _ entries: [LegendEntry], top: Double, left: Double, width: Double
  ) -> (node: Markup, height: Double) {
    var nodes: [Markup] = []
    var x = left
    var y = top + 10
    for entry in entries {
      let length = 24 + FigureText.width(entry.text, size: FigureText.size)
      if x > left, x + length > left + width {
        x = left
        y += 19
      }
      nodes.append(entry.sign(Point(x: x + 10, y: y - 4)))
      nodes.append(FigureText.node(entry.text, at: Point(x: x + 24, y: y)))
      x += length + 18
    }
    return (.group("legend", nodes), entries.isEmpty ? 0 : y - top + 8)
  }
}
