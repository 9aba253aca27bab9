/// How the states of patches look; the panels and the legend share it.
enum PatchStyle {
  /// A dropped patch nearly disappears; one that this reduction dropped is a little lighter and
  /// framed.
  static let dropped = PixelColor(0x101010)
  static let droppedOpacity = 0.9
  static let newlyDroppedOpacity = 0.72
  static let newlyDropped = PixelColor(0xD55E00)
  static let fused = PixelColor(0x56B4E9)
  static let fusedOpacity = 0.62
  static let newlyFused = PixelColor(0x0072B2)
  static let mergedOpacity = 0.62
  static let seam = PixelColor(0xFFFFFF)
  static let seamOpacity = 0.35
  /// Okabe and Ito's colors, which color-blind readers can tell apart, and two more.
  static let groups: [PixelColor] = [
    PixelColor(0xE69F00), PixelColor(0x56B4E9), PixelColor(0x009E73), PixelColor(0xF0E442),
    PixelColor(0x0072B2), PixelColor(0xD55E00), PixelColor(0xCC79A7), PixelColor(0x7A3E9D),
    PixelColor(0x8C6D31),
  ]

  /// Pixels of a line, for patches of a size.
  static func lineWidth(patch: Int) -> Int { max(1, patch / 12) }
}

/// Lays the states of one panel over the input that is drawn there already.
struct PanelPainter {
  let cells: [TokenPicture.Cell]
  /// The panel before, to tell what is new; `nil` before the first reduction.
  let before: [TokenPicture.Cell]?
  let grid: Int
  /// An index of `PatchStyle.groups` for each group.
  let colors: [Int: Int]
  let x: Int
  let y: Int
  /// Pixels along a patch.
  let patch: Int

  func paint(on canvas: inout Canvas) {
    for place in cells.indices { tint(place, on: &canvas) }
    for place in cells.indices { outline(place, on: &canvas) }
  }

  private func area(_ place: Int) -> PixelRect {
    PixelRect(
      x: x + place % grid * patch, y: y + place / grid * patch, width: patch, height: patch)
  }

  private func isNew(_ place: Int) -> Bool { (before?[place] ?? .kept) != cells[place] }

  private func tint(_ place: Int, on canvas: inout Canvas) {
    let rect = area(place)
    switch cells[place] {
    case .kept: break
    case .dropped:
      canvas.fill(
        rect, PatchStyle.dropped,
        opacity: isNew(place) ? PatchStyle.newlyDroppedOpacity : PatchStyle.droppedOpacity)
    case .fused: canvas.fill(rect, PatchStyle.fused, opacity: PatchStyle.fusedOpacity)
    case .merged(let group):
      canvas.fill(rect, color(group), opacity: PatchStyle.mergedOpacity)
    }
  }

  private func color(_ group: Int) -> PixelColor { PatchStyle.groups[colors[group] ?? 0] }

  /// Seams between patches that are tokens of their own, frames around what is new, and borders
  /// around groups.
  private func outline(_ place: Int, on canvas: inout Canvas) {
    let rect = area(place)
    let width = PatchStyle.lineWidth(patch: patch)
    switch cells[place] {
    case .kept:
      for edge in [PixelRect.Edge.top, .left] where neighbor(place, edge) != nil {
        canvas.fill(
          rect.strip(along: edge, thickness: 1), PatchStyle.seam, opacity: PatchStyle.seamOpacity)
      }
    case .dropped:
      if isNew(place) { canvas.frame(rect, PatchStyle.newlyDropped, thickness: width) }
    case .fused:
      if isNew(place) { canvas.frame(rect, PatchStyle.newlyFused, thickness: width) }
    case .merged(let group):
      for edge in PixelRect.Edge.allCases {
        let other = neighbor(place, edge)
        if other.map({ cells[$0] != cells[place] }) ?? true {
          canvas.fill(rect.strip(along: edge, thickness: width + 1), color(group))
        }
      }
    }
  }

  private func neighbor(_ place: Int, _ edge: PixelRect.Edge) -> Int? {
    GroupColors.neighbor(of: place, edge, grid: grid)
  }
}

/// Gives groups colors so that groups that touch differ, and a group keeps its color while it
/// can.
enum GroupColors {
  /// An index of `PatchStyle.groups` for each group of `cells`.
  ///
  /// Groups are taken by their names; each prefers the color it had `before`, then the one used
  /// least.
  static func choose(cells: [TokenPicture.Cell], grid: Int, before: [Int: Int]) -> [Int: Int] {
    var touching: [Int: Set<Int>] = [:]
    for (place, cell) in cells.enumerated() {
      guard case .merged(let group) = cell else { continue }
      touching[group, default: []].formUnion(
        PixelRect.Edge.allCases.compactMap { edge in
          guard let other = neighbor(of: place, edge, grid: grid),
            case .merged(let next) = cells[other], next != group
          else { return nil }
          return next
        })
    }
    var chosen: [Int: Int] = [:]
    var uses = [Int](repeating: 0, count: PatchStyle.groups.count)
    func take(_ color: Int, for group: Int) {
      chosen[group] = color
      uses[color] += 1
    }
    func isTaken(_ color: Int, by group: Int) -> Bool {
      touching[group, default: []].contains { chosen[$0] == color }
    }
    let groups = touching.keys.sorted()
    for group in groups {
      if let color = before[group], !isTaken(color, by: group) { take(color, for: group) }
    }
    for group in groups where chosen[group] == nil {
      let free = PatchStyle.groups.indices.filter { !isTaken($0, by: group) }
      let candidates = free.isEmpty ? Array(PatchStyle.groups.indices) : free
      if let color = candidates.min(by: { (uses[$0], $0) < (uses[$1], $1) }) {
        take(color, for: group)
      }
    }
    return chosen
  }

  /// The patch on the other side of an edge, if any.
  static func neighbor(of place: Int, _ edge: PixelRect.Edge, grid: Int) -> Int? {
    switch edge {
    case .top: place >= grid ? place - grid : nil
    case .left: place % grid > 0 ? place - 1 : nil
    case .bottom: place / grid < grid - 1 ? place + grid : nil
    case .right: place % grid < grid - 1 ? place + 1 : nil
    }
  }
}
