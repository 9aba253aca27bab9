import Tensors
import TokenReduction

/// One vision transformer with one method at one batch size.
final class ViTPass: ModelPass {
  let features: Tensor

  private let model: VisionTransformer
  private let batchSize: Int
  private let device: any Backend
  private let qkv: Tensor
  private let attended: Tensor
  /// [B, H, N, N] where every block computes its map in memory though nothing reads it.
  private let unreadMap: Tensor?
  private let reducer: Reducer
  /// By block, where tokens are merged between the map and the values.
  private let splits: [VisionTransformer.SplitProjection?]
  private let pool: PoolingPass

  init(
    _ model: VisionTransformer, _ composition: Composition, batchSize: Int,
    on device: any Backend
  ) throws {
    let (a, type) = (model.architecture, device.activationType)
    self.model = model
    self.batchSize = batchSize
    self.device = device
    qkv = try device.allocate(Shape(batchSize, a.tokens, 3 * a.embedDim), type)
    attended = try device.allocate(Shape(batchSize, a.tokens, a.embedDim), type)
    unreadMap =
      composition.explicitAttention
      ? try device.allocate(Shape(batchSize, a.numHeads, a.tokens, a.tokens), .float32) : nil
    features = try device.allocate(Shape(batchSize, a.featureDim), type)
    pool = try PoolingPass(model, batchSize: batchSize, features: features, on: device)
    let reducer = try Reducer(composition, model, qkv: qkv, batchSize: batchSize, on: device)
    self.reducer = reducer
    splits = try (0..<a.depth).map {
      try reducer.step($0, .insideAttention) != nil
        ? model.splitProjection(ofBlock: $0, on: device) : nil
    }
  }

  /// A head that reads several blocks needs them all.
  var resumesBehindBlocks: Bool {
    if case .lastTokens = model.pooling { false } else { true }
  }

  func compute(_ images: Tensor, into logits: Tensor, _ context: PassContext) {
    let a = model.architecture
    var stream = reducer.begin(tokens: a.tokens, context)
    if let resumed = context.resumed {
      device.upload(resumed.values, to: stream)
    } else {
      embed(images, into: stream, context)
    }
    var findings = AttentionFindings.none
    for index in (context.resumed?.blocks ?? 0)..<a.depth {
      let block = model.blocks[index]
      if let step = reducer.step(index, .beforeBlock) {
        stream = reducer.reduce(step, qkv: nil, findings: findings, context)
      }
      findings = attend(&stream, block, index, context)
      if let step = reducer.step(index, .insideBlock) {
        stream = reducer.reduce(step, qkv: projected(stream), findings: findings, context)
      }
      if let before = reducer.step(index, .afterBlock)?.beforeBranch {
        device.copy(TensorView(stream), into: TensorView(before))
      }
      device.feedForward(stream, block.feedForward)
      if let step = reducer.step(index, .afterBlock) {
        stream = reducer.reduce(step, qkv: nil, findings: findings, context)
      }
      pool.take(stream, afterBlock: index)
      context.onBlock?(index, stream)
    }
    pool.finish(stream)
    device.project(features, norm: nil, model.head, into: logits)
  }

  private func embed(_ images: Tensor, into stream: Tensor, _ context: PassContext) {
    device.embedPatches(images, model.embedding, into: stream)
    if let norm = model.normPre {
      device.layerNorm(TensorView(stream), norm, into: TensorView(stream))
    }
    reducer.beginEmbedded()
    context.onBlock?(-1, stream)
  }

  /// Fused rows [B, N, 3C] of as many tokens as a stream has.
  private func projected(_ stream: Tensor) -> Tensor {
    qkv.view(Shape(batchSize, stream.shape[1], 3 * model.architecture.embedDim))
  }

  /// The attention of a block onto its stream, and what it found for the step that reads it.
  private func attend(
    _ stream: inout Tensor, _ block: VisionTransformer.Block, _ index: Int, _ context: PassContext
  ) -> AttentionFindings {
    let heads = model.architecture.numHeads
    if let step = reducer.step(index, .insideAttention), let split = splits[index] {
      attend(&stream, block, split, step, context)
      return .none
    }
    let rows = projected(stream)
    let mixed = attended.view(stream.shape)
    device.project(stream, norm: block.norm1, block.qkv, into: rows)
    if let norms = block.headNorms { normalizeHeads(rows, norms) }
    if let unreadMap {
      writeMap(rows, into: unreadMap)
      apply(unreadMap, values(of: rows), into: mixed)
      device.projectResidual(mixed, block.projection, onto: stream)
      return .none
    }
    let inside = reducer.step(index, .insideBlock)
    if let step = inside, let map = step.map {
      writeMap(rows, into: map)
      if let change = step.changesMap { device.runOnHost(change) }
      apply(map, values(of: rows), into: mixed)
      if let statistics = step.statistics { device.summarizeAttention(map, statistics) }
      device.projectResidual(mixed, block.projection, onto: stream)
      return AttentionFindings(
        classAttention: step.statistics?.classAttention,
        received: step.statistics?.receivedAttention.map { ReceivedAttention(sums: $0) })
    }
    let reader = inside ?? reducer.step(index + 1, .beforeBlock) ?? reducer.step(index, .afterBlock)
    let findings = device.attend(
      rows, heads: heads, tokenSize: reducer.attentionSizes, statistics: reader?.statistics,
      into: mixed)
    device.projectResidual(mixed, block.projection, onto: stream)
    return findings
  }

  /// The attention of a block that merges tokens behind its map: queries and keys of all, values
  /// of those that are left.
  private func attend(
    _ stream: inout Tensor, _ block: VisionTransformer.Block,
    _ split: VisionTransformer.SplitProjection, _ step: PreparedStep, _ context: PassContext
  ) {
    guard let map = step.map, let reducedMap = step.outputMap else {
      preconditionFailure("a step inside attention reads its map and writes another")
    }
    let rows = qkv.view(Shape(batchSize, stream.shape[1], split.queriesAndKeys.outputs))
    device.project(stream, norm: block.norm1, split.queriesAndKeys, into: rows)
    if let norms = block.headNorms { normalizeHeads(rows, norms) }
    writeMap(rows, into: map)
    stream = reducer.reduce(step, qkv: nil, findings: .none, context)
    let fewer = qkv.view(stream.shape)
    device.project(stream, norm: block.norm1, split.values, into: fewer)
    let mixed = attended.view(stream.shape)
    apply(reducedMap, heads(of: fewer), into: mixed)
    device.projectResidual(mixed, block.projection, onto: stream)
  }

  /// The map of rows that begin with queries and keys, [B, N, 2C] or [B, N, 3C].
  private func writeMap(_ rows: Tensor, into map: Tensor) {
    let a = model.architecture
    device.attentionMap(
      queries: heads(of: rows), keys: heads(of: rows, from: a.embedDim),
      scale: 1 / Float(a.headDim).squareRoot(), tokenSize: reducer.attentionSizes, into: map)
  }

  private func apply(_ map: Tensor, _ values: HeadView, into output: Tensor) {
    device.applyAttentionMap(map, values: values, into: heads(of: output))
  }

  private func values(of qkv: Tensor) -> HeadView {
    heads(of: qkv, from: 2 * model.architecture.embedDim)
  }

  /// The heads of rows [B, N, ..] that begin at a column.
  private func heads(of rows: Tensor, from column: Int = 0) -> HeadView {
    let a = model.architecture
    return HeadView(
      rows, offset: column, batch: batchSize, tokens: rows.shape[1], heads: a.numHeads,
      headDim: a.headDim, tokenStride: rows.shape[2])
  }

  /// Normalizes every head's query and key where they lie in rows [B, N, 2C] or [B, N, 3C].
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
