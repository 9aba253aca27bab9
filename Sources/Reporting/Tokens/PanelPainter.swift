/// The appearance of patch states, shared by the panels and the legend.
enum PatchStyle {
  /// A dropped patch is almost black; one that was dropped in this reduction is slightly lighter
  /// and framed.
  static let dropped = "#101010"
  static let droppedOpacity = 0.9
  static let newlyDroppedOpacity = 0.72
  static let newlyDropped = "#D55E00"
  static let fused = "#56B4E9"
  static let fusedOpacity = 0.62
  static let newlyFused = "#0072B2"
  static let mergedOpacity = 0.62
  /// Okabe and Ito's colors, which color-blind readers can distinguish, and two more.
  static let groups = [
    "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#7A3E9D",
    "#8C6D31",
  ]
}

/// Draws the patch states of one panel over the input image.
struct PanelPainter {
  let cells: [TokenPicture.Cell]
  /// The previous panel, to find what is new; `nil` before the first reduction.
  let before: [TokenPicture.Cell]?
  let grid: Int
  /// An index of `PatchStyle.groups` for each group.
  let colors: [Int: Int]
  /// The upper left corner.
  let origin: Point
  /// The side of a patch in pixels.
  let patch: Double

  /// Tints, then lines between patches that are separate tokens, frames around new changes, and
  /// borders around groups.
  var nodes: [Markup] { [tints, seams, frames] + borders }

  private var tints: Markup {
    .group("tints", cells.indices.compactMap(tint))
  }

  private func area(_ place: Int, inset: Double = 0) -> Box {
    Box(
      x: origin.x + Double(place % grid) * patch, y: origin.y + Double(place / grid) * patch,
      width: patch, height: patch
    ).outset(by: -inset)
  }

  private func isNew(_ place: Int) -> Bool { (before?[place] ?? .kept) != cells[place] }

  private func tint(_ place: Int) -> Markup? {
    let box = area(place)
    switch cells[place] {
    case .kept: return nil
    case .dropped:
      return .rectangle(
        box, fill: PatchStyle.dropped,
        opacity: isNew(place) ? PatchStyle.newlyDroppedOpacity : PatchStyle.droppedOpacity)
    case .fused:
      return .rectangle(box, fill: PatchStyle.fused, opacity: PatchStyle.fusedOpacity)
    case .merged(let group):
      return .rectangle(box, fill: color(group), opacity: PatchStyle.mergedOpacity)
    }
  }

  private func color(_ group: Int) -> String { PatchStyle.groups[colors[group] ?? 0] }

  private var lineWidth: Double { max(1, patch / 12) }

  private var seams: Markup {
    let edges = cells.indices.filter { cells[$0] == .kept }.flatMap { place in
      [GroupColors.Edge.top, .left].filter { neighbor(place, $0) != nil }
        .map { segment(area(place), $0) }
    }
    return path(edges, stroke: "#ffffff", width: 1).with("stroke-opacity", 0.35)
  }

  /// Frames around patches that this reduction dropped or fused.
  private var frames: Markup {
    .group(
      "frames",
      cells.indices.compactMap { place -> Markup? in
        let box = area(place, inset: lineWidth / 2)
        switch cells[place] {
        case .dropped where isNew(place):
          return .frame(box, stroke: PatchStyle.newlyDropped, width: lineWidth)
        case .fused where isNew(place):
          return .frame(box, stroke: PatchStyle.newlyFused, width: lineWidth)
        default: return nil
        }
      })
  }

  /// One path for each color, around the groups with that color.
  private var borders: [Markup] {
    var edges: [String: [String]] = [:]
    for place in cells.indices {
      guard case .merged(let group) = cells[place] else { continue }
      for edge in GroupColors.Edge.allCases {
        let other = neighbor(place, edge)
        guard other.map({ cells[$0] != cells[place] }) ?? true else { continue }
        edges[color(group), default: []].append(segment(area(place, inset: lineWidth / 2), edge))
      }
    }
    return edges.sorted { $0.key < $1.key }
      .map { path($0.value, stroke: $0.key, width: lineWidth + 1) }
  }

  private func segment(_ box: Box, _ edge: GroupColors.Edge) -> String {
    switch edge {
    case .top: "M\(coordinate(box.x)),\(coordinate(box.y))H\(coordinate(box.maxX))"
    case .left: "M\(coordinate(box.x)),\(coordinate(box.y))V\(coordinate(box.maxY))"
    case .bottom: "M\(coordinate(box.x)),\(coordinate(box.maxY))H\(coordinate(box.maxX))"
    case .right: "M\(coordinate(box.maxX)),\(coordinate(box.y))V\(coordinate(box.maxY))"
    }
  }

  private func path(_ segments: [String], stroke: String, width: Double) -> Markup {
    Markup(
      "path",
      [
        "d": .text(segments.joined()), "fill": "none", "stroke": .text(stroke),
        "stroke-width": .number(width),
      ])
  }

  private func neighbor(_ place: Int, _ edge: GroupColors.Edge) -> Int? {
    GroupColors.neighbor(of: place, edge, grid: grid)
  }
}

extension Markup {
  /// A filled rectangle without a stroke.
  static func rectangle(_ box: Box, fill: String, opacity: Double = 1) -> Markup {
    let node = Markup(
      "rect",
      [
        "x": .number(box.x), "y": .number(box.y), "width": .number(box.width),
        "height": .number(box.height), "fill": .text(fill),
      ])
    return opacity < 1 ? node.with("fill-opacity", .number(opacity)) : node
  }

  /// The outline of a rectangle.
  static func frame(_ box: Box, stroke: String, width: Double) -> Markup {
    .rectangle(box, fill: "none").with("stroke", .text(stroke))
      .with("stroke-width", .number(width))
  }
}
