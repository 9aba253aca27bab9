/// The legend of the patch states that occur in a drawing.
struct TokenLegend {
  private enum Swatch {
    case kept, newlyDropped, dropped, newlyFused, fused, merged
  }

  private struct Entry {
    let swatch: Swatch
    let text: String
  }

  private static let lineHeight = 26.0
  private static let side = 16.0
  private static let textSize = 13.0
  private let entries: [Entry]

  init(panels: [TokenPicture.Panel]) {
    let cells = Set(panels.flatMap(\.cells))
    /// Whether a state persists after the panel in which it first occurs.
    func lasts(_ state: TokenPicture.Cell) -> Bool {
      zip(panels, panels.dropFirst()).contains { first, second in
        zip(first.cells, second.cells).contains { $0 == state && $1 == state }
      }
    }
    var entries = [Entry(swatch: .kept, text: "kept, a token of its own")]
    if cells.contains(.dropped) {
      entries.append(Entry(swatch: .newlyDropped, text: "dropped here"))
      if lasts(.dropped) { entries.append(Entry(swatch: .dropped, text: "dropped before")) }
    }
    if cells.contains(.fused) {
      entries.append(Entry(swatch: .newlyFused, text: "fused here into one token"))
      if lasts(.fused) { entries.append(Entry(swatch: .fused, text: "fused before")) }
    }
    let merges = cells.contains { if case .merged = $0 { true } else { false } }
    if merges {
      entries.append(
        Entry(swatch: .merged, text: "merged: patches of a token share a color (colors repeat)"))
    }
    self.entries = entries
  }

  /// The texts of the entries.
  var texts: [String] { entries.map(\.text) }

  /// The entries side by side, wrapped at `width`, and the height they take.
  func drawing(top: Double, left: Double, width: Double) -> (node: Markup, height: Double) {
    var nodes: [Markup] = []
    var x = left
    var y = top
    for entry in entries {
      let length = Self.side + 8 + FigureText.width(entry.text, size: Self.textSize)
      if x > left, x + length > left + width {
        x = left
        y += Self.lineHeight
      }
      nodes += Self.swatch(
        entry.swatch, Box(x: x, y: y, width: Self.side, height: Self.side))
      nodes.append(
        FigureText.node(
          entry.text, at: Point(x: x + Self.side + 8, y: y + 12.5), size: Self.textSize))
      x += length + 24
    }
    return (.group("legend", nodes), y + Self.lineHeight - top)
  }

  /// A medium gray patch in the appearance of a state.
  private static func swatch(_ swatch: Swatch, _ box: Box) -> [Markup] {
    let inner = box.outset(by: -1)
    let look: [Markup] =
      switch swatch {
      case .kept: [.frame(box, stroke: "#808080", width: 1)]
      case .newlyDropped:
        [
          .rectangle(box, fill: PatchStyle.dropped, opacity: PatchStyle.newlyDroppedOpacity),
          .frame(inner, stroke: PatchStyle.newlyDropped, width: 2),
        ]
      case .dropped:
        [.rectangle(box, fill: PatchStyle.dropped, opacity: PatchStyle.droppedOpacity)]
      case .newlyFused:
        [
          .rectangle(box, fill: PatchStyle.fused, opacity: PatchStyle.fusedOpacity),
          .frame(inner, stroke: PatchStyle.newlyFused, width: 2),
        ]
      case .fused: [.rectangle(box, fill: PatchStyle.fused, opacity: PatchStyle.fusedOpacity)]
      case .merged:
        PatchStyle.groups.prefix(2).enumerated().flatMap { index, color -> [Markup] in
          let half = Box(
            x: box.x + Double(index) * box.width / 2, y: box.y, width: box.width / 2,
            height: box.height)
          return [
            .rectangle(half, fill: color, opacity: PatchStyle.mergedOpacity),
            .frame(half.outset(by: -1), stroke: color, width: 2),
          ]
        }
      }
    return [.rectangle(box, fill: "#B8B8B8")] + look
  }
}
