import Tensors

/// How the classifier's features come from the tokens, with the weights that this takes.
enum FeaturePooling {
  /// Normalized tokens that a device takes in one operation.
  case tokens(TokenPooling)
  /// The class tokens of the last four blocks and the mean patch token.
  case lastTokens
  /// The mean of the tokens, normalized before or after.
  case mean
  case attention(AttentionPool)

  /// A learned query that attends to the tokens, and a feed-forward network.
  struct AttentionPool {
    /// Projected when it is loaded, [1, C].
    let query: Tensor
    let keysAndValues: LinearParameters
    let projection: LinearParameters
    let feedForward: FeedForwardParameters
  }

  init(_ a: ViTArchitecture, _ loader: WeightLoader) throws {
    switch a.head {
    case .token where a.normalizesFeatures: self = .mean
    case .token: self = .tokens(.prefix(count: a.distilled ? 2 : 1))
    case .tokenAndPatchMean: self = .tokens(.classAndPatchMean(prefixTokens: a.prefixTokens))
    case .lastTokensAndPatchMean: self = .lastTokens
    case .patchMean: self = .mean
    case .attentionPool: self = .attention(try AttentionPool(a, loader))
    }
  }
}

extension FeaturePooling.AttentionPool {
  /// timm's `AttentionPoolLatent` of one query.
  ///
  /// Source: timm 1.0.31, layers/attention_pool.py.
  init(_ a: ViTArchitecture, _ loader: WeightLoader) throws {
    let key = "attn_pool"
    let latent = try loader.values("\(key).latent")
    let weight = try loader.values("\(key).q.weight")
    let projected = try loader.values("\(key).q.bias").enumerated().map { row, bias in
      // In double precision: it is computed once.
      Float(
        latent.indices.reduce(Double(bias)) {
          $0 + Double(weight[row * a.embedDim + $1]) * Double(latent[$1])
        })
    }
    query = try loader.upload(
      projected, Shape(1, a.embedDim), loader.backend.activationType)
    keysAndValues = try loader.linear("\(key).kv")
    projection = try loader.linear("\(key).proj")
    feedForward = FeedForwardParameters(
      norm: try loader.norm("\(key).norm", epsilon: Float(a.normEpsilon)),
      fc1: try loader.linear("\(key).mlp.fc1"), activation: .gelu,
      fc2: try loader.linear("\(key).mlp.fc2"))
  }
}
