/// Drops the other tokens.
package struct Drop: TokenDisposal {
  package static let name = "drop"
  package static let summary = "drops the others"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var takesScore: Bool { true }
  package var positions: [ReductionStep.Position] { [.insideBlock, .beforeBlock, .afterBlock] }
  package var kernel: DisposalKernel? { .drop }

  package func reduce(_ image: ImageStep) {
    image.rankPatches(into: image.integers)
    var list = image.list()
    for rank in 0..<(image.tokensOut - image.prefix) { list.append(Int(image.integers[rank])) }
    list.end()
    image.writeMeans(weights: nil)
  }
}
