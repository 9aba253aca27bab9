import TokenReduction

/// What may name a folder of results: letters and digits of any script, `.`, `_` and `-`.
enum FolderName {
  static let expectation = ValueRule.fileName.expectation

  /// Bytes that a name has at most: file systems take 255, and files of ours add an ending.
  private static let maxBytes = 200

  /// Whether a character may stand in a name.
  static func isPlain(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || "._-".contains(character)
  }

  /// Why `text` is no name; `nil` for one that is.
  static func mistake(_ text: String) -> String? {
    if text.utf8.count > maxBytes {
      return "it has \(text.utf8.count) bytes; a folder's name has at most \(maxBytes)"
    }
    let beginning = text.first.map { $0 != "." && $0 != "-" } ?? false
    return beginning && text.allSatisfy(isPlain)
      ? nil : "\"\(text)\" is no name for a folder; it must be \(expectation)"
  }
}
