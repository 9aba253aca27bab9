/// The text style of all figures: one font family, few sizes.
enum FigureText {
  static let family = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
  static let ink = "#222222"
  static let softInk = "#666666"
  /// The font size of everything but point labels.
  static let size = 12.0

  /// The XML declaration before the drawing in a file of its own.
  static let prologue = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

  enum Anchor: String { case start, middle, end }

  /// Text whose baseline starts, centers or ends at `point`.
  static func node(
    _ text: String, at point: Point, size: Double = size, anchor: Anchor = .start,
    color: String = ink, bold: Bool = false
  ) -> Markup {
    var node = Markup(
      "text",
      [
        "x": .number(point.x), "y": .number(point.y), "font-size": .number(size),
        "text-anchor": .text(anchor.rawValue), "fill": .text(color),
      ], text: text)
    if bold { node = node.with("font-weight", "bold") }
    return node
  }

  /// Width in pixels, from Helvetica's advance widths (Adobe font metrics, thousandths of the
  /// size).
  static func width(_ text: String, size: Double, bold: Bool = false) -> Double {
    let units = text.reduce(0) { $0 + advance($1) }
    return Double(units) / 1000 * size * (bold ? 1.06 : 1)
  }

  private static func advance(_ character: Character) -> Int {
    switch character {
    case "i", "j", "l", "'": 222
    case " ", ".", ",", ":", ";", "/", "f", "t", "I", "!", "[", "]", "|": 278
    case "(", ")", "r", "-": 333
    case "k", "s", "v", "x", "y", "z", "c", "J": 500
    case "m", "M": 833
    case "w", "C", "D", "H", "N", "R", "U": 722
    case "G", "O", "Q": 778
    case "A", "B", "E", "K", "P", "S", "V", "X", "Y": 667
    case "F", "T", "Z": 611
    case "W": 944
    case "%": 889
    case "=", "+", "−", "<", ">", "×", "±", "≈": 584
    case "…", "—": 1000
    default: 556
    }
  }

  /// `text` in lines that fit, wrapped between words.
  static func wrapped(_ text: String, width limit: Double, size: Double) -> [String] {
    text.split(separator: " ").reduce(into: [String]()) { lines, word in
      if let last = lines.last, width("\(last) \(word)", size: size) <= limit {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
  }

  /// `text` truncated to `width` pixels, with an ellipsis.
  static func fitted(_ text: String, width limit: Double, size: Double) -> String {
    guard width(text, size: size) > limit else { return text }
    var cut = text
    while !cut.isEmpty, width(cut + "…", size: size) > limit { cut.removeLast() }
    return cut + "…"
  }
}
