import Records

/// A note on rows whose speed-up depends on which baseline is used.
enum BaselineNote {
  /// A note if a row is faster than only one of the two baselines; `nil` if both agree or only one
  /// was timed.
  static func text(_ fused: Speedup?, _ explicit: Speedup?) -> String? {
    guard let fused, let explicit, fused.isReliable, explicit.isReliable,
      fused.isFaster != explicit.isFaster
    else { return nil }
    func times(_ speedup: Speedup) -> String { "\(fixed(speedup.ratio, digits: 2))×" }
    return fused.isFaster
      ? "faster only than the baseline with fused attention, not than the one with explicit "
        + "attention (\(times(explicit)))"
      : "faster only than the baseline with explicit attention (\(times(explicit))), not than the "
        + "one with fused attention"
  }
}

extension AccuracyChange {
  /// A note that a method is no better than its control; `nil` if it is better beyond noise.
  var controlNote: String? {
    guard isWithinNoise || points <= 0 else { return nil }
    return isWithinNoise
      ? "not told apart from random removal at the same token counts"
      : "less accurate than random removal at the same token counts"
  }
}

extension AttentionCost {
  /// Which kernels ran, for example `fused`, `9 fused, 3 with scores`, `explicit`.
  var words: String {
    let parts = [(fused, "fused"), (scored, "with scores"), (explicit, "explicit")]
      .filter { $0.0 > 0 }
    guard parts.count != 1 else {
      return parts[0].1 == "with scores" ? "fused, with scores" : parts[0].1
    }
    return parts.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
  }
}
