import Tensors
import TokenReduction

/// One vision transformer with one method at one batch size.
final class ViTPass: ModelPass {
  let features: Tensor

  private let model: VisionTransformer
  private let composition: Composition
  private let batchSize: Int
  private let device: any Backend
  private let qkv: Tensor
  private let attended: Tensor
  private var reducer: Reducer
  private let pool: PoolingPass

  init(
    _ model: VisionTransformer, _ composition: Composition, batchSize: Int,
    on device: any Backend
  ) throws {
    let (a, type) = (model.architecture, device.activationType)
    self.model = model
    self.composition = composition
    self.batchSize = batchSize
    self.device = device
    qkv = try device.allocate(Shape(batchSize, a.tokens, 3 * a.embedDim), type)
    attended = try device.allocate(Shape(batchSize, a.tokens, a.embedDim), type)
    features = try device.allocate(Shape(batchSize, a.featureDim), type)
    pool = try PoolingPass(model, batchSize: batchSize, features: features, on: device)
    reducer = try Reducer(
      composition: composition, architecture: a, batchSize: batchSize, backend: device)
  }

  func compute(_ images: Tensor, into logits: Tensor, _ context: PassContext) {
    let a = model.architecture
    var stream = reducer.begin(tokens: a.tokens)
    device.embedPatches(images, model.embedding, into: stream)
    if let norm = model.normPre {
      device.layerNorm(TensorView(stream), norm, into: TensorView(stream))
    }
    context.onBlock?(-1, stream)
    for index in 0..<a.depth {
      let block = model.blocks[index]
      if let step = composition.step(block: index, position: .beforeBlock) {
        stream = reducer.reduce(stream, step, qkv: nil, findings: .none, context)
      }
      let tokens = stream.shape[1]
      let projected = qkv.view(Shape(batchSize, tokens, 3 * a.embedDim))
      let mixed = attended.view(Shape(batchSize, tokens, a.embedDim))
      let step = composition.step(block: index, position: .insideBlock)
      device.project(stream, norm: block.norm1, block.qkv, into: projected)
      if let norms = block.headNorms { normalizeHeads(projected, norms) }
      let findings = device.attend(
        projected, heads: a.numHeads, tokenSize: reducer.attentionSizes(tokens: tokens),
        statistics: step.flatMap { reducer.statistics(for: $0) }, into: mixed)
      device.projectResidual(mixed, block.projection, onto: stream)
      if let step {
        stream = reducer.reduce(stream, step, qkv: projected, findings: findings, context)
      }
      device.feedForward(stream, block.feedForward)
      pool.take(stream, afterBlock: index)
      context.onBlock?(index, stream)
    }
    pool.finish(stream)
    device.project(features, norm: nil, model.head, into: logits)
  }
  /// Normalizes every head's query and key of fused rows [B, N, 3C] where they lie.
  private func normalizeHeads(
    _ qkv: Tensor, _ norms: (query: LayerNormParameters, key: LayerNormParameters)
  ) {
    let a = model.architecture
    let rows = TensorView(qkv)
    for (part, norm) in [norms.query, norms.key].enumerated() {
      for head in 0..<a.numHeads {
        let first = part * a.embedDim + head * a.headDim
        let columns = rows.columns(first..<(first + a.headDim))
        device.layerNorm(columns, norm, into: columns)
      }
    }
  }
}
