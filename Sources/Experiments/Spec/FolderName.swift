import TokenReduction

/// Valid names of results folders: letters and digits of any script, `.`, `_` and `-`.
enum FolderName {
  static let expectation = ValueRule.fileName.expectation

  /// The maximum length in bytes: file systems allow 255, and our files add a suffix.
  private static let maxBytes = 200

  /// Whether a character is allowed in a name.
  static func isPlain(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || "._-".contains(character)
  }

  /// Why `text` is not a valid name; `nil` if it is.
  static func mistake(_ text: String) -> String? {
    if text.utf8.count > maxBytes {
      return "it has \(text.utf8.count) bytes; a folder's name has at most \(maxBytes)"
    }
    let beginning = text.first.map { $0 != "." && $0 != "-" } ?? false
    return beginning && text.allSatisfy(isPlain)
      ? nil : "\"\(text)\" is no name for a folder; it must be \(expectation)"
  }
}
