/// Finds the known name that a mistyped one most likely means.
package enum NearestName {
  /// The nearest of `known`, or `nil` if none is near enough.
  ///
  /// Near enough: at most a third of the letters differ, and at least one is correct; a prefix of
  /// exactly one known name also means that name.
  package static func of(_ name: String, among known: [String]) -> String? {
    // Longer names are near none, and computing the distance of a text of megabytes would take a
    // day.
    guard name.utf8.count <= longestName else { return nil }
    let lowered = name.lowercased()
    let distances = known.filter { $0.utf8.count <= longestName }
      .map { ($0, distance(lowered, $0.lowercased())) }
    if let (best, minimum) = distances.min(by: { $0.1 < $1.1 }),
      minimum <= max(1, max(name.count, best.count) / 3), minimum < max(name.count, best.count)
    {
      return best
    }
    let beginnings = known.filter { $0.lowercased().hasPrefix(lowered) }
    return lowered.count >= 3 && beginnings.count == 1 ? beginnings.first : nil
  }

  /// The maximum length of a compared name, in bytes.
  private static let longestName = 200

  /// `; did you mean 'r'?`, or the list of known names if none is near.
  package static func advice(_ name: String, among known: [String], noun: String) -> String {
    if let nearest = of(name, among: known) { return "did you mean '\(nearest)'?" }
    return "\(noun) are \(known.map { "'\($0)'" }.joined(separator: ", "))"
  }

  /// Insertions, deletions, substitutions and swaps of neighbors that turn one text into the
  /// other.
  ///
  /// Source: the optimal string alignment variant of Damerau, Communications of the ACM 7 (1964)
  /// 171–176.
  package static func distance(_ first: String, _ second: String) -> Int {
    let a = Array(first)
    let b = Array(second)
    var rows = [Array(0...b.count)]
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var best = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          best = min(best, rows[i - 1][j - 1] + 1)
        }
        row.append(best)
      }
      rows.append(row)
    }
    return rows[a.count][b.count]
  }
}
