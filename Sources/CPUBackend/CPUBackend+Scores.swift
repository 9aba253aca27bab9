import CKernels
import Support
import Tensors

extension CPUBackend {
  package func randomScores(
    seed: UInt64, imageKeys: UnsafePointer<UInt64>, into scores: Tensor
  ) {
    let tokens = scores.shape[1]
    for image in 0..<scores.shape[0] {
      var random = SplitMix64(seed: SplitMix64.mix(seed) ^ SplitMix64.mix(imageKeys[image] &+ 1))
      for token in 0..<tokens { scores.floats[image * tokens + token] = random.nextUniform() }
    }
  }

  package func featureScores(
    _ qkv: Tensor, heads: Int, feature: AttentionFeature, reduction: HeadReduction,
    into scores: Tensor
  ) {
    run(
      FeatureScoreRegion(
        backend: self, qkv: qkv, heads: heads, feature: feature,
        mode: reduction.kernelMode, scores: scores)
    ) { FeatureScoreRegion.enter($0, $1) }
  }

  package func combineScores(
    attention: Tensor?, features: Tensor?, prefixTokens: Int,
    normalization: ScoreNormalization, into scores: Tensor
  ) {
    let (batch, tokens) = (scores.shape[0], scores.shape[1])
    scores.floats.update(repeating: 0, count: batch * tokens)
    if let attention {
      func maximum(_ image: Int) -> Float {
        var maximum = -Float.infinity
        for token in prefixTokens..<tokens {
          maximum = max(maximum, attention.floats[image * tokens + token])
        }
        return maximum
      }
      var batchMax = -Float.infinity
      if normalization == .batch {
        for image in 0..<batch { batchMax = max(batchMax, maximum(image)) }
      }
      for image in 0..<batch {
        let divisor = normalization == .batch ? batchMax : maximum(image)
        for token in prefixTokens..<tokens {
          scores.floats[image * tokens + token] =
            attention.floats[image * tokens + token] / divisor
        }
      }
    }
    if let features {
      lab_softmax_rows(features.floats, 1, nil, batch, tokens, tokens)
      lab_add_into(scores.floats, features.floats, batch * tokens)
    }
  }

  package func resetSizes(_ sizes: Tensor) {
    sizes.floats.update(repeating: 1, count: sizes.shape.count)
  }

  package func keyMetric(_ qkv: Tensor, heads: Int, into metric: Tensor) {
    run(KeyMetricRegion(backend: self, qkv: qkv, heads: heads, metric: metric)) {
      KeyMetricRegion.enter($0, $1)
    }
  }
}

/// A score for each token from its queries, keys or values; tokens are divided among workers.
private struct FeatureScoreRegion: ParallelRegion {
  let backend: CPUBackend
  let qkv: Tensor
  let heads: Int
  let feature: AttentionFeature
  let mode: Int32
  let scores: Tensor

  func run(worker: Int) {
    let stride = qkv.shape[2]
    let width = stride / 3
    let rows = backend.share(of: qkv.shape[0] * qkv.shape[1], worker: worker)
    lab_feature_scores(
      qkv.floats + rows.lowerBound * stride + feature.rawValue * width, rows.count, stride, heads,
      width / heads, mode, scores.floats + rows.lowerBound)
  }
}

/// ToMe's metric of each token; tokens are divided among workers.
private struct KeyMetricRegion: ParallelRegion {
  let backend: CPUBackend
  let qkv: Tensor
  let heads: Int
  let metric: Tensor

  func run(worker: Int) {
    let (stride, headDim) = (qkv.shape[2], metric.shape[2])
    let rows = backend.share(of: qkv.shape[0] * qkv.shape[1], worker: worker)
    lab_key_metric(
      qkv.floats + rows.lowerBound * stride + stride / 3, rows.count, stride, heads, headDim,
      metric.floats + rows.lowerBound * headDim)
  }
}

extension HeadReduction {
  fileprivate var kernelMode: Int32 {
    switch self {
    case .max: Int32(LAB_HEADS_MAX)
    case .mean: Int32(LAB_HEADS_MEAN)
    case .sum: Int32(LAB_HEADS_SUM)
    }
  }
}
