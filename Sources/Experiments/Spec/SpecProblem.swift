/// One mistake in a spec: where it is, what is wrong, and what would be right.
package struct SpecProblem: Hashable, Sendable, CustomStringConvertible {
  /// The file, or the command-line option, that the value came from.
  package var source: String
  /// For example `methods[2].r`; empty for the whole spec.
  package var path: String
  package var message: String
  /// Whether the problem is a missing file or folder.
  package var isMissingFile = false

  package init(source: String, path: String, message: String) {
    self.source = source
    self.path = path.shortenedForMessage
    self.message = message.shortenedForMessage
  }

  package var description: String {
    "\(Self.place(source: source, path: path)): \(message)"
  }

  /// The location of a mistake, without repetition: an option is its own key.
  static func place(source: String, path: String) -> String {
    let key = path.prefix { $0 != "." && $0 != "[" }
    if path.isEmpty { return source }
    return source == "--" + key.replacing("_", with: "-")
      ? source + path.dropFirst(key.count) : "\(source): \(path)"
  }
}

extension String {
  /// The text itself, or its beginning and end if it would fill a screen.
  var shortenedForMessage: String {
    let (maximum, head, tail) = (1200, 500, 500)
    guard utf8.count > maximum, count > maximum else { return self }
    return "\(prefix(head)) … \(suffix(tail))"
  }
}
