import Records

extension ScheduleCut {
  /// The tokens that a method with one `r` for every block cannot remove; `nil` for other methods,
  /// and if every block removes as many tokens as requested.
  ///
  /// - Parameters:
  ///   - tokens: Tokens that enter block 0.
  ///   - tokensAfterBlocks: Tokens that leave each block.
  package init?(_ method: MethodSetting, tokens: Int, tokensAfterBlocks: [Int]) {
    // An inflection requests fewer tokens from later blocks; a single schedule requests them from
    // one block.
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
    // Random removal happens once, before the first block.
    guard method.name != RandomRemoval.name, removed.first != 0,
      removed.allSatisfy({ $0 <= r }), let block = removed.firstIndex(where: { $0 < r })
    else { return nil }
    self.init(r: r, block: block, removed: removed[block])
  }
}
