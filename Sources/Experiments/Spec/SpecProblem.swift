/// One mistake in a spec: where it is, what is wrong, and what would be right.
package struct SpecProblem: Hashable, Sendable, CustomStringConvertible {
  /// The file, or the command-line option, that the value came from.
  package var source: String
  /// For example `methods[2].r`; empty for the whole spec.
  package var path: String
  package var message: String

  package init(source: String, path: String, message: String) {
    self.source = source
    self.path = path
    self.message = message
  }

  package var description: String {
    path.isEmpty ? "\(source): \(message)" : "\(source): \(path): \(message)"
  }
}
