import Tensors

extension CUDABackend {
  /// Reads the keys that `stageImageKeys` copied to the GPU, because a captured pass must not
  /// contain a host pointer.
  package func randomScores(
    seed: UInt64, imageKeys: UnsafePointer<UInt64>, into scores: Tensor
  ) {
    let (batch, tokens) = (scores.shape[0], scores.shape[1])
    precondition(self.imageKeys != nil, "keys are staged before a pass")
    launch(
      "random_scores", grid: (Self.blocks(tokens, 256), batch, 1), block: 256,
      .tensor(self.imageKeys), .unsignedLong(seed), .int(tokens), .tensor(scores))
  }

  package func featureScores(
    _ qkv: Tensor, heads: Int, feature: AttentionFeature, reduction: HeadReduction,
    into scores: Tensor
  ) {
    let rows = qkv.shape[0] * qkv.shape[1]
    launch(
      "feature_scores" + suffix, grid: (Self.blocks(rows, 4), 1, 1), block: 128, .tensor(qkv),
      .int(rows), .int(heads), .int(qkv.shape[2] / 3 / heads), .int(feature.rawValue),
      .int(reduction.kernelMode), .tensor(scores))
  }

  package func combineScores(
    attention: Tensor?, features: Tensor?, prefixTokens: Int, normalization: ScoreNormalization,
    into scores: Tensor
  ) {
    let (batch, tokens) = (scores.shape[0], scores.shape[1])
    var maxima: UnsafeMutableRawPointer?
    if let attention, normalization == .batch {
      maxima = scratch(\.maxima)
      launch(
        "attention_maxima", grid: (batch, 1, 1), block: 256, shared: 128, .tensor(attention),
        .int(prefixTokens), .int(tokens), .address(maxima))
    }
    launch(
      "combine_scores", grid: (batch, 1, 1), block: 256, shared: 128, .tensor(attention),
      .tensor(features), .address(maxima), .int(batch), .int(prefixTokens), .int(tokens),
      .tensor(scores))
  }

  package func resetSizes(_ sizes: Tensor) {
    let count = sizes.shape.count
    launch(
      "fill_f32", grid: (Self.blocks(count, 2048), 1, 1), block: 256, .tensor(sizes), .float(1),
      .long(count))
  }

  package func keyMetric(_ qkv: Tensor, heads: Int, into metric: Tensor) {
    let rows = qkv.shape[0] * qkv.shape[1]
    launch(
      "key_metric" + suffix, grid: (Self.blocks(rows, 4), 1, 1), block: 128, .tensor(qkv),
      .int(rows), .int(heads), .int(metric.shape[2]), .tensor(metric))
  }
}
