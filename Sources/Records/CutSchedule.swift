/// A schedule that asks every block for more tokens than are left to remove.
package struct CutSchedule: Hashable, Sendable {
  /// Tokens that each block was asked to remove.
  package let r: Int
  /// The first block that removes fewer, counted from 0, and how many it removes.
  package let block: Int
  package let removed: Int

  /// `nil` for methods without one `r` for every block, and where every block removes as many as
  /// asked.
  package init?(_ method: MethodSetting, tokens: Int, tokensAfterBlocks: [Int]) {
    // An inflection asks later blocks for fewer; a single schedule asks one block.
    guard case .integer(let r)? = method.parameters["r"], r > 0,
      method.parameters["layer"] == nil,
      [nil, .integer(0)].contains(method.parameters["inflection"]),
      [nil, .string("progressive")].contains(method.parameters["schedule"])
    else { return nil }
    var before = tokens
    let removed = tokensAfterBlocks.map { after in
      defer { before = after }
      return before - after
    }
    // Random removal happens once, before the first block, where all are asked of it.
    guard method.name != "random", removed.first != 0, removed.allSatisfy({ $0 <= r }),
      let block = removed.firstIndex(where: { $0 < r })
    else { return nil }
    self.r = r
    self.block = block
    self.removed = removed[block]
  }

  /// For example `r=50 is cut to what may go: block 2 removes 44`.
  package var text: String {
    "r=\(r) is cut to what may go: block \(block) removes \(removed > 0 ? "\(removed)" : "none")"
  }
}
