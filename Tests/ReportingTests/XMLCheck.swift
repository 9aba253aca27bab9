import Foundation

/// A check that text is well-formed: every element closed in order, every attribute quoted, every
/// ampersand an entity.
enum XMLCheck {
  struct Malformed: Error, CustomStringConvertible { let description: String }

  static func parse(_ data: Data) throws {
    let text = String(decoding: data, as: UTF8.self)
    var open: [String] = []
    var rest = Substring(text)
    while let start = rest.firstIndex(of: "<") {
      try check(text: rest[..<start])
      guard let end = rest[start...].firstIndex(of: ">") else {
        throw Malformed(description: "a tag is not closed")
      }
      let tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("?") || tag.hasPrefix("!") { continue }
      if tag.hasPrefix("/") {
        guard open.popLast() == String(tag.dropFirst()) else {
          throw Malformed(description: "\(tag) closes another element")
        }
        continue
      }
      let parts = tag.split(separator: "\"", omittingEmptySubsequences: false)
      guard parts.count.isMultiple(of: 2) == false else {
        throw Malformed(description: "odd quotes in \(tag)")
      }
      for value in parts.indices where value % 2 == 1 { try check(text: parts[value]) }
      let name = tag.prefix { !" /".contains($0) }
      if !tag.hasSuffix("/") { open.append(String(name)) }
    }
    try check(text: rest)
    if let left = open.last { throw Malformed(description: "\(left) is never closed") }
  }

  private static func check(text: Substring) throws {
    for part in text.split(separator: "&", omittingEmptySubsequences: false).dropFirst() {
      let entity = part.prefix { $0 != ";" }
      guard ["amp", "lt", "gt", "quot", "#39"].contains(String(entity)) else {
        throw Malformed(description: "&\(entity) is no entity")
      }
    }
  }
}
