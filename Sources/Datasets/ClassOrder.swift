import Files

/// How the names of class folders are sorted; the position is the label.
package enum ClassOrder: String, Sendable, Hashable, CaseIterable {
  /// By bytes, as torchvision's `ImageFolder`: 1, 10, 2.
  case sorted
  /// Numbers by value and letters case-insensitively, as in timm: 1, 2, 10.
  case natural

  func sorted(_ names: [PathBytes]) -> [PathBytes] {
    switch self {
    case .sorted: names.sorted()
    case .natural:
      names.map { (key: ClassOrder.parts(of: $0), name: $0) }
        .sorted { ClassOrder.precedes($0, $1) }.map(\.name)
    }
  }

  /// The parts of a name as in timm's `natural_key`: text, number, text, and so on, in lower case.
  ///
  /// Numbers have no leading zeros, so the longer one is the larger, whatever their size.
  private static func parts(of name: PathBytes) -> [[UInt8]] {
    let lower = name.text.map { Array($0.lowercased().utf8) } ?? name.bytes
    var parts: [[UInt8]] = [[]]
    for byte in lower {
      let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      if isDigit != (parts.count % 2 == 0) { parts.append([]) }
      parts[parts.count - 1].append(byte)
    }
    return parts.enumerated().map { index, part in
      index % 2 == 1 ? Array(part.drop { $0 == UInt8(ascii: "0") }) : part
    }
  }

  private static func precedes(
    _ a: (key: [[UInt8]], name: PathBytes), _ b: (key: [[UInt8]], name: PathBytes)
  ) -> Bool {
    for (index, (x, y)) in zip(a.key, b.key).enumerated() where x != y {
      if index % 2 == 1, x.count != y.count { return x.count < y.count }
      return x.lexicographicallyPrecedes(y)
    }
    return a.key.count != b.key.count ? a.key.count < b.key.count : a.name < b.name
  }
}
