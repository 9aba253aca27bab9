/// The noun that goes with a count: `image` for 1, `images` for others.
package func noun(_ count: Int, _ one: String, _ many: String? = nil) -> String {
  count == 1 ? one : many ?? one + "s"
}

/// A count with its noun: `1 image`, `2 images`.
package func counted(_ count: Int, _ one: String, _ many: String? = nil) -> String {
  "\(count) \(noun(count, one, many))"
}
