import Tensors

/// Fuses the other tokens into one token at the end: their plain mean.
package struct FuseMean: TokenDisposal {
  package static let name = "fuse_mean"
  package static let summary = "makes one token of the others: their mean"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var takesScore: Bool { true }
  package var extraTokens: Int { 1 }
  package var kernel: DisposalKernel? { .fuse(.mean) }

  package func reduce(_ image: ImageStep) {
    image.rankAndFuse()
    image.writeMeans(weights: nil)
  }
}

/// Fuses the other tokens into one token at the end: their score-weighted sum, not renormalized
/// (EViT).
package struct FuseScoreSum: TokenDisposal {
  package static let name = "fuse_score_sum"
  package static let summary = "makes one token of the others: their sum by score"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var takesScore: Bool { true }
  package var extraTokens: Int { 1 }
  package var kernel: DisposalKernel? { .fuse(.score) }

  package func reduce(_ image: ImageStep) {
    image.rankAndFuse()
    image.writeMeans(weights: nil)
    let last = image.tokensOut - 1
    let target = image.output + last * image.width
    target.update(repeating: 0, count: image.width)
    for place in Int(image.offsets[last])..<Int(image.offsets[last + 1]) {
      let source = Int(image.sources[place])
      add(image.scores[source], image.token(source), to: target, image.width)
    }
  }
}

extension ImageStep {
  /// The best patch tokens in descending order, the others together at the end.
  fileprivate func rankAndFuse() {
    rankPatches(into: integers)
    let patches = tokensIn - prefix
    let kept = tokensOut - prefix - 1
    var list = self.list()
    for rank in 0..<kept { list.append(Int(integers[rank])) }
    list.begin()
    for rank in kept..<patches { list.add(Int(integers[rank])) }
    list.end()
  }
}
