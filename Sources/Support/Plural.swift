/// The noun that goes with a count: `image` for 1, `images` for others.
package func noun(_ count: Int, _ one: String, _ many: String? = nil) -> String {
  count == 1 ? one : many ?? one + "s"
}

/// A count with its noun: `1 image`, `2 images`.
package func counted(_ count: Int, _ one: String, _ many: String? = nil) -> String {
  "\(count) \(noun(count, one, many))"
}

/// Words as a sentence lists them: `a, b or c`.
package func series(_ words: [String], _ conjunction: String) -> String {
  guard let last = words.last, words.count > 1 else { return words.first ?? "" }
  return "\(words.dropLast().joined(separator: ", ")) \(conjunction) \(last)"
}

/// The first names of a list that may be long, with how many more there are: `a, b and 3 more`.
package func firstFew(_ names: [String], _ maximum: Int) -> String {
  let shown = names.prefix(maximum).joined(separator: ", ")
  return names.count > maximum ? "\(shown) and \(names.count - maximum) more" : shown
}
