/// An element of an SVG drawing or an HTML page with its attributes, in the order they are written,
/// or text between elements.
///
/// Attribute values and text are escaped when rendered; numbers have at most two decimals.
struct Markup {
  enum Value: ExpressibleByStringLiteral, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByStringInterpolation
  {
    case text(String)
    case number(Double)

    init(stringLiteral value: String) { self = .text(value) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(integerLiteral value: Int) { self = .number(Double(value)) }

    var rendered: String {
      switch self {
      case .text(let text): escapedXML(text)
      case .number(let number): coordinate(number)
      }
    }
  }

  /// Empty for text.
  var name: String
  var attributes: [(name: String, value: Value)]
  var children: [Markup]
  /// Text before the children; escaped when rendered.
  var text: String?
  /// A style sheet or a script, which HTML does not escape.
  private var verbatim: String?

  init(
    _ name: String, _ attributes: KeyValuePairs<String, Value> = [:], text: String? = nil,
    children: [Markup] = []
  ) {
    self.name = name
    self.attributes = attributes.map { ($0.key, $0.value) }
    self.children = children
    self.text = text
  }

  /// Text between elements.
  static func text(_ text: String) -> Markup { Markup("", text: text) }

  /// A `style` or `script` element, whose content must not be escaped.
  static func verbatim(_ name: String, _ content: String) -> Markup {
    precondition(!content.contains("</"), "the content would end its element")
    var node = Markup(name)
    node.verbatim = content
    return node
  }

  /// A copy of the element with `attribute` set to `value`.
  func with(_ attribute: String, _ value: Value) -> Markup {
    var copy = self
    copy.attributes.removeAll { $0.name == attribute }
    copy.attributes.append((attribute, value))
    return copy
  }

  /// The value of the `class` attribute, or `nil`.
  var className: String? { attributes.first { $0.name == "class" }?.value.rendered }

  private var start: String {
    "<\(name)" + attributes.map { " \($0.name)=\"\($0.value.rendered)\"" }.joined()
  }
}

// MARK: SVG

extension Markup {
  /// The element as XML, with one line per element.
  func xml(indent: Int = 0) -> String {
    var lines: [String] = []
    append(to: &lines, indent: indent)
    return lines.joined(separator: "\n")
  }

  private func append(to lines: inout [String], indent: Int) {
    let space = String(repeating: " ", count: indent)
    if children.isEmpty {
      let end = text.map { ">\(escapedXML($0))</\(name)>" } ?? "/>"
      lines.append("\(space)\(start)\(end)")
      return
    }
    lines.append("\(space)\(start)>\(text.map(escapedXML) ?? "")")
    for child in children { child.append(to: &lines, indent: indent + 1) }
    lines.append("\(space)</\(name)>")
  }
}

// MARK: HTML

extension Markup {
  /// HTML elements without content and without an end tag.
  private static let void: Set<String> = ["meta", "input", "br"]
  /// HTML elements before which a line break has no visible effect.
  private static let blocks: Set<String> = [
    "html", "head", "body", "meta", "title", "style", "script", "header", "main", "section", "div",
    "form", "fieldset", "details", "h1", "h2", "h3", "p", "ul", "li", "table", "caption", "thead",
    "tbody", "tr", "figure", "figcaption", "svg", "pre",
  ]

  /// The element as HTML; drawings in it are written as XML, which HTML accepts.
  func html() -> String {
    var text = ""
    append(to: &text)
    return text
  }

  private func append(to html: inout String) {
    if Self.blocks.contains(name), !html.isEmpty { html += "\n" }
    if name == "svg" {
      html += xml()
      return
    }
    if !name.isEmpty { html += start + ">" }
    if let text { html += escapedXML(text) }
    if let verbatim { html += verbatim }
    for child in children { child.append(to: &html) }
    if !name.isEmpty, !Self.void.contains(name) { html += "</\(name)>" }
  }
}

/// A coordinate with at most two decimals.
func coordinate(_ value: Double) -> String { trimmed(value, digits: 2) }

/// Escapes the five characters that are special in XML and HTML, and replaces control characters,
/// which XML forbids, by spaces.
func escapedXML(_ text: String) -> String {
  func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte != 0x7F && !"&<>\"'".utf8.contains(byte)
  }
  guard !text.utf8.allSatisfy(isPlain) else { return text }
  var escaped = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": escaped += "&amp;"
    case "<": escaped += "&lt;"
    case ">": escaped += "&gt;"
    case "\"": escaped += "&quot;"
    case "'": escaped += "&#39;"
    case "\n", "\t": escaped.unicodeScalars.append(scalar)
    default:
      escaped.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
    }
  }
  return escaped
}
