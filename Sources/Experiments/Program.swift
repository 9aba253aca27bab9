/// The program's version, and the commit of its sources, if known.
package enum Program {
  package static let version = "0.1.0"

  /// The commit that was built, with `-dirty` where the sources differed from it; empty where it
  /// was not known.
  ///
  /// Stored at build time, because the checkout may have changed when the program runs.
  package static var commit: String { BuildCommit.text }

  /// For display: `0.1.0 (1a2b3c4d5e6f, with changes)`.
  package static var description: String {
    let hash = commit.prefix { $0 != "-" }.prefix(12)
    let changes = commit.hasSuffix("-dirty") ? ", with changes" : ""
    return hash.isEmpty ? "\(version) (commit unknown)" : "\(version) (\(hash)\(changes))"
  }
}
