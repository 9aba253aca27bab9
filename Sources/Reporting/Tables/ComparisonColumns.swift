import Records

/// The columns for a fair comparison: both baselines, the control, and the operations of a pass.
extension Column {
  /// The columns for a terminal; each is left out if no row has it.
  static let comparison: [Column] = [
    imagesSeen,
    Column("vs random pp", rank: 6, number: { $0.control?.points }) {
      $0.control?.text ?? missing
    },
    Column("vs explicit", rank: 2, number: { $0.explicitSpeedup?.ratio }) {
      $0.explicitSpeedup?.text ?? missing
    },
  ]

  private static let imagesSeen = Column(
    "images", rank: 4, number: { $0.race == nil ? nil : $0.accuracy.map { Double($0.images) } }
  ) { row in row.race == nil ? missing : row.accuracy.map { grouped($0.images) } ?? missing }

  /// The same columns with intervals, and with the kind of attention kernels.
  static let comparisonInDocuments: [Column] = [
    imagesSeen,
    Column("vs random, pp (95 %)", number: { $0.control?.points }) {
      $0.control?.textWithInterval ?? missing
    },
    Column("vs explicit attention (95 %)", number: { $0.explicitSpeedup?.ratio }) {
      $0.explicitSpeedup?.textWithInterval ?? missing
    },
    Column("attention", .leading) { $0.attention?.words ?? missing },
    Column("attention, MB/image", number: { $0.attention.map { Double($0.bytes) } }) {
      $0.attention.map { fixed(Double($0.bytes) / 1e6, digits: 2) } ?? missing
    },
    Column("launches", number: { $0.launches.map(Double.init) }) {
      $0.launches.map(String.init) ?? missing
    },
  ]

  /// The meaning of these columns.
  static let comparisonExplanations: [(title: String, text: String)] = [
    (
      "images",
      "images: the number that a race classified before it stopped the row; top-1 is then the "
        + "baseline's plus Δ, and its interval and that of Δ are confidence sequences (Waudby-Smith "
        + "and Ramdas, arXiv:2010.09686), which are valid at any time for the whole data set"
    ),
    (
      "vs random, pp (95 %)",
      "vs random: top-1 relative to random removal of as many tokens at the same blocks, on the "
        + "same images, with a paired bootstrap interval"
    ),
    (
      "vs explicit attention (95 %)",
      "vs explicit attention: the speed-up over the baseline that stores its attention maps in "
        + "memory (`none_explicit`), as methods that read them need"
    ),
    (
      "attention",
      "attention: fused keeps the map inside a kernel, with scores also outputs what a score reads "
        + "of it, explicit stores the whole map in memory; the bytes are the minimum for one image"
    ),
    (
      "launches",
      "launches: the number of operations of a pass; a device may combine or split some"
    ),
  ]
}

extension AccuracyChange {
  /// For example `−1.2 (−2.0…−0.4)`.
  var textWithInterval: String {
    let low = signed(interval.lower, digits: digits)
    let high = signed(interval.upper, digits: digits)
    return "\(text) (\(low)…\(high))"
  }
}

extension Speedup {
  /// For example `1.32× (1.30–1.35)`; a prediction, which is one number, has no interval.
  var textWithInterval: String {
    guard interval.lower < interval.upper else { return text }
    let low = fixed(interval.lower, digits: 2)
    let high = fixed(interval.upper, digits: 2)
    return "\(text) (\(low)–\(high))"
  }
}
