/// Draws what became of the patches of a picture: the input, then one panel for each reduction, and
/// a legend.
///
/// It knows patches and their states alone, not the model that reduced them.
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
    /// One for each patch, row by row.
    package let cells: [Cell]

    package init(label: String, cells: [Cell]) {
      self.label = label
      self.cells = cells
    }
  }

  private let input: RGBImage
  private let grid: Int
  private let title: String
  private let inputLabel: String
  private let panels: [Panel]

  /// - Parameters:
  ///   - input: What the model sees, square, before normalization.
  ///   - grid: Patches along a side.
  ///   - title: Written above, broken where it is too long.
  ///   - inputLabel: Written above the untouched input.
  ///   - panels: In the order of the reductions, `grid * grid` cells each.
  package init(
    input: RGBImage, grid: Int, title: String, inputLabel: String, panels: [Panel]
  ) {
    precondition(input.width == input.height && input.width % grid == 0, "patches fill the input")
    precondition(panels.allSatisfy { $0.cells.count == grid * grid }, "a cell for each patch")
    self.input = input
    self.grid = grid
    self.title = title
    self.inputLabel = inputLabel
    self.panels = panels
  }

  private static let paper = PixelColor(0xFFFFFF)
  private static let ink = PixelColor(0x202020)
  private static let margin = 16
  private static let textScale = 2
  private static let lineHeight = (BitmapFont.height + 4) * textScale
  /// Longer labels would run into the next panel.
  private static let leastSide = 288
  /// Panels that still fit side by side.
  private static let oneRow = 3

  private var columns: Int {
    let count = panels.count + 1
    return count <= Self.oneRow ? count : count <= 8 ? (count + 1) / 2 : 4
  }

  /// Pixels of a panel for one pixel of the input.
  private var scale: Int {
    let wanted = panels.count < Self.oneRow ? Self.leastSide * 4 / 3 : Self.leastSide
    return max(1, (wanted + input.width - 1) / input.width)
  }

  /// The finished drawing.
  package func image() -> RGBImage {
    let side = input.width * scale
    let margin = Self.margin
    let rows = (panels.count + columns) / columns
    let width = margin + columns * (side + margin)
    let titleLines = wrapped(title, width: width - 2 * margin)
    let legend = TokenLegend(panels: panels)
    let legendLines = legend.lines(width: width - 2 * margin, textScale: Self.textScale)
    let top = margin + titleLines.count * Self.lineHeight + margin / 2
    let rowHeight = Self.lineHeight + side + margin
    let bottom = top + rows * rowHeight
    var canvas = Canvas(
      width: width, height: bottom + legendLines.count * TokenLegend.lineHeight + margin / 2,
      color: Self.paper)
    for (index, line) in titleLines.enumerated() {
      write(line, x: margin, y: margin + index * Self.lineHeight, on: &canvas)
    }
    var colors: [Int: Int] = [:]
    for index in 0...panels.count {
      let x = margin + index % columns * (side + margin)
      let y = top + index / columns * rowHeight
      write(index == 0 ? inputLabel : panels[index - 1].label, x: x, y: y, on: &canvas)
      canvas.draw(input, x: x, y: y + Self.lineHeight, scale: scale)
      let cells =
        index == 0 ? [Cell](repeating: .kept, count: grid * grid) : panels[index - 1].cells
      colors = GroupColors.choose(cells: cells, grid: grid, before: colors)
      let painter = PanelPainter(
        cells: cells, before: index < 2 ? nil : panels[index - 2].cells, grid: grid,
        colors: colors, x: x, y: y + Self.lineHeight, patch: side / grid)
      painter.paint(on: &canvas)
    }
    legend.draw(legendLines, x: margin, y: bottom, textScale: Self.textScale, on: &canvas)
    return canvas.image
  }

  private func write(_ text: String, x: Int, y: Int, on canvas: inout Canvas) {
    canvas.write(text, x: x, y: y, scale: Self.textScale, color: Self.ink)
  }

  /// The title in lines that fit; broken between words.
  private func wrapped(_ text: String, width: Int) -> [String] {
    let most = width / (BitmapFont.advance * Self.textScale)
    return text.split(separator: " ").reduce(into: [String]()) { lines, word in
      if let last = lines.last, last.count + 1 + word.count <= most {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
  }
}
