/// What the looks of patches mean, for those that occur in a drawing.
struct TokenLegend {
  fileprivate enum Swatch {
    case kept, newlyDropped, dropped, newlyFused, fused, merged
  }

  fileprivate struct Entry {
    let swatch: Swatch
    let text: String
  }

  /// Entries side by side.
  struct Line {
    fileprivate let entries: [Entry]
  }

  static let lineHeight = 30
  private static let side = 20
  private let entries: [Entry]

  init(panels: [TokenPicture.Panel]) {
    let cells = Set(panels.flatMap(\.cells))
    /// Whether a state lasts beyond the panel in which it is new.
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

  /// What the entries say.
  var texts: [String] { entries.map(\.text) }

  /// The entries in lines that fit.
  func lines(width: Int, textScale: Int) -> [Line] {
    var lines: [[Entry]] = []
    var used = 0
    for entry in entries {
      let needed = Self.width(entry, textScale)
      if lines.isEmpty || used + needed > width {
        lines.append([])
        used = 0
      }
      lines[lines.count - 1].append(entry)
      used += needed
    }
    return lines.map(Line.init)
  }

  private static func width(_ entry: Entry, _ textScale: Int) -> Int {
    side + 8 + entry.text.count * BitmapFont.advance * textScale + 24
  }

  func draw(
    _ lines: [Line], x left: Int, y top: Int, textScale: Int, on canvas: inout Canvas
  ) {
    for (row, line) in lines.enumerated() {
      var x = left
      let y = top + row * Self.lineHeight
      for entry in line.entries {
        draw(entry.swatch, x: x, y: y, on: &canvas)
        canvas.write(
          entry.text, x: x + Self.side + 8,
          y: y + (Self.side - BitmapFont.height * textScale) / 2, scale: textScale,
          color: PixelColor(0x202020))
        x += Self.width(entry, textScale)
      }
    }
  }

  /// A patch of mid grey in the look of a state.
  private func draw(_ swatch: Swatch, x: Int, y: Int, on canvas: inout Canvas) {
    let rect = PixelRect(x: x, y: y, width: Self.side, height: Self.side)
    let picture = PixelColor(0xB8B8B8)
    canvas.fill(rect, picture)
    switch swatch {
    case .kept: canvas.frame(rect, PixelColor(0x808080), thickness: 1)
    case .newlyDropped:
      canvas.fill(rect, PatchStyle.dropped, opacity: PatchStyle.newlyDroppedOpacity)
      canvas.frame(rect, PatchStyle.newlyDropped, thickness: 2)
    case .dropped: canvas.fill(rect, PatchStyle.dropped, opacity: PatchStyle.droppedOpacity)
    case .newlyFused:
      canvas.fill(rect, PatchStyle.fused, opacity: PatchStyle.fusedOpacity)
      canvas.frame(rect, PatchStyle.newlyFused, thickness: 2)
    case .fused: canvas.fill(rect, PatchStyle.fused, opacity: PatchStyle.fusedOpacity)
    case .merged:
      for (index, color) in PatchStyle.groups.prefix(2).enumerated() {
        let half = PixelRect(
          x: x + index * Self.side / 2, y: y, width: Self.side / 2, height: Self.side)
        canvas.fill(half, color, opacity: PatchStyle.mergedOpacity)
        canvas.frame(half, color, thickness: 2)
      }
    }
  }
}
