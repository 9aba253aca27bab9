import Tensors

/// The end of a pass: the classifier's features from the tokens, with everything allocated that
/// this needs.
struct PoolingPass {
  private let model: VisionTransformer
  private let device: any Backend
  private let features: Tensor
  /// The stream after the last norm, [B, N, C], where all of it is needed.
  private let normalized: Tensor?
  private let attention: AttentionMemory?

  private struct AttentionMemory {
    /// Keys and values, [B, N, 2C].
    let keysAndValues: Tensor
    /// What the query gathered, [B, C].
    let mixed: Tensor
  }

  init(
    _ model: VisionTransformer, batchSize: Int, features: Tensor, on device: any Backend
  ) throws {
    let (a, type) = (model.architecture, device.activationType)
    self.model = model
    self.device = device
    self.features = features
    func tensor(_ sizes: Int...) throws -> Tensor {
      try device.allocate(Shape(sizes), type)
    }
    switch model.pooling {
    case .tokens: normalized = nil
    case .mean:
      normalized = try a.normalizesFeatures ? nil : tensor(batchSize, a.tokens, a.embedDim)
    case .lastTokens, .attention: normalized = try tensor(batchSize, a.tokens, a.embedDim)
    }
    if case .attention = model.pooling {
      attention = AttentionMemory(
        keysAndValues: try tensor(batchSize, a.tokens, 2 * a.embedDim),
        mixed: try tensor(batchSize, a.embedDim))
    } else {
      attention = nil
    }
  }

  private var architecture: ViTArchitecture { model.architecture }

  /// Takes what the head reads of a block before the last.
  func take(_ stream: Tensor, afterBlock index: Int) {
    guard case .lastTokens = model.pooling else { return }
    let column = index - (architecture.depth - ViTArchitecture.lastBlocks)
    guard column >= 0 else { return }
    let width = architecture.embedDim
    device.layerNorm(
      Self.firstTokens(stream), model.norm,
      into: TensorView(features).columns((column * width)..<((column + 1) * width)))
  }

  /// The features from what the last block left.
  func finish(_ stream: Tensor) {
    switch model.pooling {
    case .tokens(let kind): device.poolTokens(stream, norm: model.norm, kind, into: features)
    case .lastTokens:
      let width = architecture.embedDim
      let first = ViTArchitecture.lastBlocks * width
      mean(normalizedStream(stream), into: TensorView(features).columns(first..<(first + width)))
    case .mean where architecture.normalizesFeatures:
      let rows = TensorView(features)
      if architecture.head == .token {
        device.layerNorm(Self.firstTokens(stream), model.norm, into: rows)
      } else {
        mean(stream, into: rows)
        device.layerNorm(rows, model.norm, into: rows)
      }
    case .mean: mean(normalizedStream(stream), into: TensorView(features))
    case .attention(let pool): attend(pool, to: normalizedStream(stream, from: pooledFrom))
    }
  }

  /// Each image's first token, [B, C].
  private static func firstTokens(_ stream: Tensor) -> TensorView {
    let (batch, tokens, width) = (stream.shape[0], stream.shape[1], stream.shape[2])
    return TensorView(stream, offset: 0, rows: batch, width: width, stride: tokens * width)
  }

  /// The normalized tokens from one on, [B, N - first, C].
  private func normalizedStream(_ stream: Tensor, from first: Int = 0) -> Tensor {
    guard let normalized else { preconditionFailure("no room for a normalized stream") }
    let (batch, tokens, width) = (stream.shape[0], stream.shape[1], stream.shape[2])
    let output = normalized.view(Shape(batch, tokens - first, width))
    guard first > 0 else {
      device.layerNorm(TensorView(stream), model.norm, into: TensorView(output))
      return output
    }
    let (read, write) = (TensorView(stream), TensorView(output))
    for image in 0..<batch {
      device.layerNorm(
        read.rows((image * tokens + first)..<((image + 1) * tokens)), model.norm,
        into: write.rows((image * (tokens - first))..<((image + 1) * (tokens - first))))
    }
    return output
  }

  /// The mean of the pooled tokens, each as much as the others whatever it was merged from.
  private func mean(_ stream: Tensor, into output: TensorView) {
    let (batch, tokens, width) = (stream.shape[0], stream.shape[1], stream.shape[2])
    let first = pooledFrom
    device.globalAveragePool(
      FeatureMap(
        stream, offset: first * width, batch: batch, height: 1, width: tokens - first,
        channels: width, imageStride: tokens * width), into: output)
  }

  /// The first token that is pooled.
  private var pooledFrom: Int {
    architecture.poolIncludePrefix ? 0 : architecture.prefixTokens
  }

  private func attend(_ pool: FeaturePooling.AttentionPool, to stream: Tensor) {
    guard let attention else { preconditionFailure("no room for an attention pool") }
    let (batch, tokens, width) = (stream.shape[0], stream.shape[1], stream.shape[2])
    let heads = architecture.numHeads
    let headDim = architecture.headDim
    let all = attention.keysAndValues.view(Shape(batch, tokens, 2 * width))
    device.linear(TensorView(stream), pool.keysAndValues, .none, into: TensorView(all))
    func part(_ index: Int) -> HeadView {
      HeadView(
        all, offset: index * width, batch: batch, tokens: tokens, heads: heads, headDim: headDim,
        tokenStride: 2 * width)
    }
    // Every image reads the same row.
    let query = HeadView(
      pool.query, batch: batch, tokens: 1, heads: heads, headDim: headDim, tokenStride: 0)
    device.attention(
      AttentionOperands(
        queries: query, keys: part(0), values: part(1),
        output: HeadView(attention.mixed, batch: batch, tokens: 1, heads: heads, headDim: headDim),
        scale: 1 / Float(headDim).squareRoot()))
    device.linear(
      TensorView(attention.mixed), pool.projection, .none, into: TensorView(features))
    device.feedForward(
      features.view(Shape(batch, 1, width)), pool.feedForward)
  }
}
