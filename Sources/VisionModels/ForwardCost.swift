import TokenReduction

extension ForwardPass {
  /// Multiply-adds of one image, counted from the tokens that each layer really sees.
  package var macs: Int { model.architecture.macs(composition) }
}

extension ViTArchitecture {
  /// Multiply-adds of one image with a method.
  ///
  /// Matrix products alone, as fvcore and timm count them: softmax, LayerNorm, GELU and the reduction itself have none.
  package func macs(_ composition: Composition) -> Int {
    let c = embedDim
    var total = patches * c * 3 * patchSize * patchSize
    var tokens = self.tokens
    for block in 0..<depth {
      if let step = composition.step(block: block, position: .beforeBlock) {
        tokens = step.tokensOut
      }
      total += tokens * c * 3 * c + 2 * tokens * tokens * c + tokens * c * c
      if let step = composition.step(block: block, position: .insideBlock) {
        tokens = step.tokensOut
      }
      total += tokens * c * (fc1Width + mlpWidth)
    }
    return total + featureDim * numClasses
  }
}
