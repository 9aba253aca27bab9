import TokenReduction

extension ForwardPass {
  /// Multiply-adds of one image, counted from the tokens that each layer really sees.
  ///
  /// Matrix products alone, as fvcore and timm count them: softmax, LayerNorm, GELU and the reduction itself have none.
  package var macs: Int {
    let a = model.architecture
    let c = a.embedDim
    var total = a.patches * c * 3 * a.patchSize * a.patchSize
    var tokens = a.tokens
    for block in 0..<a.depth {
      if let step = composition.step(block: block, position: .beforeBlock) {
        tokens = step.tokensOut
      }
      total += tokens * c * 3 * c + 2 * tokens * tokens * c + tokens * c * c
      if let step = composition.step(block: block, position: .insideBlock) {
        tokens = step.tokensOut
      }
      total += tokens * c * (a.fc1Width + a.mlpWidth)
    }
    return total + a.featureDim * a.numClasses
  }
}
