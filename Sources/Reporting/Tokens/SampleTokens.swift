/// The tokens that each method of a run keeps of a few images.
package struct SampleTokens: Codable, Hashable, Sendable {
  package struct Picture: Codable, Hashable, Sendable {
    /// The image as the model sees it: a PNG file as base64 text.
    package let base64PNG: String
    /// The name of its class.
    package let label: String

    package init(base64PNG: String, label: String) {
      self.base64PNG = base64PNG
      self.label = label
    }

    enum CodingKeys: String, CodingKey {
      case label
      case base64PNG = "png_base64"
    }
  }

  package struct Row: Codable, Hashable, Sendable {
    /// The method with its parameters.
    package let label: String
    package let method: String
    /// The state of every patch of each image, row by row: `k` kept, `d` dropped, `f` fused, or the
    /// number of the group that it is merged into.
    package let states: [[String]]

    package init(label: String, method: String, states: [[String]]) {
      self.label = label
      self.method = method
      self.states = states
    }
  }

  package let model: String
  /// The number of patches along a side.
  package let grid: Int
  package let pictures: [Picture]
  package let rows: [Row]

  package init(model: String, grid: Int, pictures: [Picture], rows: [Row]) {
    self.model = model
    self.grid = grid
    self.pictures = pictures
    self.rows = rows
  }

  /// Whether every row has a state for every patch of every image.
  package var isWhole: Bool {
    grid > 0
      && rows.allSatisfy { row in
        row.states.count == pictures.count
          && row.states.allSatisfy { $0.count == grid * grid && $0.allSatisfy(Self.isState) }
      }
  }

  private static func isState(_ text: String) -> Bool {
    ["k", "d", "f"].contains(text) || Int(text) != nil
  }

  static func cell(_ state: String) -> TokenPicture.Cell {
    switch state {
    case "k": .kept
    case "d": .dropped
    case "f": .fused
    default: .merged(group: Int(state) ?? 0)
    }
  }
}

/// A figure with a line of images for each method, with the tokens after the last block.
struct SampleTokensFigure {
  let tokens: SampleTokens
  /// The figure's number on the page, for unique ids.
  let number: Int
  static let legend = [
    "Bright: a token of its own. Dark: dropped. Blue: fused with others into one token. Framed in a "
      + "color: merged with the adjacent patches of that color."
  ]
  private static let side = 144.0
  private static let gap = 8.0

  /// The input images, then the states of each method over them.
  var node: Markup {
    let figures = tokens.rows.map { row in
      Markup(
        "figure", ["class": "tokens", "data-method": .text(row.method)],
        children: [drawing(row), Markup("figcaption", text: row.label)])
    }
    return Markup(
      "div", ["class": "token-panel"],
      children: [
        Markup(
          "figure", ["class": "tokens"],
          children: [drawing(nil), Markup("figcaption", text: "the pictures: \(labels)")])
      ] + figures)
  }

  private var labels: String { tokens.pictures.map(\.label).joined(separator: ", ") }

  /// A line of images; the line without a row defines the images, which the others reference.
  private func drawing(_ row: SampleTokens.Row?) -> Markup {
    let count = Double(tokens.pictures.count)
    let width = count * Self.side + (count - 1) * Self.gap
    let nodes = tokens.pictures.indices.flatMap { index -> [Markup] in
      let origin = Point(x: Double(index) * (Self.side + Self.gap), y: 0)
      let name = "picture-\(number)-\(index)"
      guard let row else {
        return [
          Markup(
            "image",
            [
              "id": .text(name), "x": .number(origin.x), "width": .number(Self.side),
              "height": .number(Self.side),
              "href": .text("data:image/png;base64,\(tokens.pictures[index].base64PNG)"),
            ])
        ]
      }
      let cells = row.states[index].map(SampleTokens.cell)
      let painter = PanelPainter(
        cells: cells, before: nil, grid: tokens.grid,
        colors: GroupColors.choose(cells: cells, grid: tokens.grid, before: [:]), origin: origin,
        patch: Self.side / Double(tokens.grid))
      return [Markup("use", ["href": .text("#\(name)")])] + painter.nodes
    }
    return Markup(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": .text("0 0 \(coordinate(width)) \(coordinate(Self.side))"), "role": "img",
        "aria-label": .text(
          row.map { "Tokens that \($0.label) leaves of \(labels)" } ?? "Pictures of \(labels)"),
      ], children: nodes)
  }
}
