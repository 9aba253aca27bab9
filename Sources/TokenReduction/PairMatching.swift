/// ToMe's bipartite soft matching on the host: even positions are matched to odd ones.
///
/// Special tokens come first; even special tokens are never merged away, and odd ones never receive
/// a token. Source: Bolya et al., arXiv:2210.09461; `tome/merge.py`.
struct PairMatching {
  let image: ImageStep
  let evenCount: Int
  let oddCount: Int
  /// The number of special tokens at even and at odd positions.
  let evenPrefix: Int
  let oddPrefix: Int

  init(_ image: ImageStep) {
    self.image = image
    evenCount = (image.tokensIn + 1) / 2
    oddCount = image.tokensIn / 2
    evenPrefix = (image.prefix + 1) / 2
    oddPrefix = image.prefix / 2
  }

  /// Floats that the metric of a step, the greatest similarities and all of them take.
  static func scratchFloats(_ extent: StepExtent) -> Int {
    let (tokens, half) = (extent.step.tokensIn, (extent.step.tokensIn + 1) / 2)
    return tokens * extent.headDim + tokens
      + ImageStep.productFloats(rows: half, columns: half, width: extent.headDim)
  }

  /// Even positions by descending similarity to their best odd one.
  var order: UnsafeMutablePointer<Int32> { image.integers }
  /// The best odd position of each even one.
  var partner: UnsafeMutablePointer<Int32> { image.integers + image.tokensIn }
  var isMatched: UnsafeMutablePointer<Int32> { image.integers + 2 * image.tokensIn }

  /// Finds the `r` closest pairs by the mean keys.
  func matchKeys(r: Int) {
    let keys = image.scratch
    let d = image.headDim
    let maxima = keys + image.tokensIn * d
    image.writeMeanKeys(into: keys)
    let rows = FloatRows(keys, count: image.tokensIn, width: d, stride: d)
    image.multiply(
      rows.even, rows.odd, into: maxima + image.tokensIn,
      then: .maxima(first: oddPrefix, best: maxima, index: partner))
    image.rank(maxima, count: evenCount - evenPrefix, from: evenPrefix, into: order)
    isMatched.update(repeating: 0, count: evenCount)
    for rank in 0..<r { isMatched[Int(order[rank])] = 1 }
  }

  /// Outputs the unmatched even tokens, then the odd ones, each with the tokens matched to it if
  /// `joining`.
  func write(r: Int, joining: Bool) {
    var list = image.list()
    for even in evenPrefix..<evenCount where isMatched[even] == 0 { list.append(2 * even) }
    for odd in oddPrefix..<oddCount {
      list.append(2 * odd + 1)
      guard joining else { continue }
      for rank in 0..<r where Int(partner[Int(order[rank])]) == odd {
        list.add(2 * Int(order[rank]))
      }
    }
    list.end()
  }
}
