import Tensors
import TokenReduction

/// A plain vision transformer with its weights on a device.
final class VisionTransformer: VisionModel {
  let architecture: ViTArchitecture
  let info: ModelInfo
  let backend: any Backend

  struct Block {
    let norm1: LayerNormParameters
    let qkv: LinearParameters
    /// Of each head's queries and keys, where the model has them.
    let headNorms: (query: LayerNormParameters, key: LayerNormParameters)?
    let projection: LinearParameters
    let feedForward: FeedForwardParameters
  }

  /// The fused layer of a block in two: what a map is made of, and what it multiplies.
  struct SplitProjection {
    let queriesAndKeys: LinearParameters
    let values: LinearParameters
  }

  let embedding: PatchEmbedding
  let blocks: [Block]
  /// Before block 0, where the model has it.
  let normPre: LayerNormParameters?
  /// The last one: of the stream, or with `normalizesFeatures` of the pooled features.
  let norm: LayerNormParameters
  let pooling: FeaturePooling
  /// One linear layer over the features, whatever the head: distillation's two are side by side and
  /// halved.
  let head: LinearParameters

  /// Reads what a method brings besides the model's tensors.
  private let loader: WeightLoader
  /// By block, those that a composition has asked for.
  private var splits: [Int: SplitProjection] = [:]

  init(_ a: ViTArchitecture, _ loader: WeightLoader) throws {
    architecture = a
    self.loader = loader
    info = a.info
    backend = loader.backend
    func norm(_ key: String) throws -> LayerNormParameters {
      try loader.norm(key, epsilon: Float(a.normEpsilon))
    }
    embedding = try Self.embedding(a, loader)
    blocks = try (0..<a.depth).map { index in
      let key = "blocks.\(index)"
      return Block(
        norm1: try norm("\(key).norm1"),
        qkv: try loader.linear("\(key).attn.qkv", bias: a.qkvBias),
        headNorms: a.qkNorm
          ? (try norm("\(key).attn.q_norm"), try norm("\(key).attn.k_norm")) : nil,
        projection: try loader.linear(
          "\(key).attn.proj", layerScale: a.layerScale ? "\(key).ls1.gamma" : nil),
        feedForward: FeedForwardParameters(
          norm: try norm("\(key).norm2"), fc1: try loader.linear("\(key).mlp.fc1"),
          activation: a.mlp == .swiglu ? .swiglu : .gelu,
          fc2: try loader.linear(
            "\(key).mlp.fc2", layerScale: a.layerScale ? "\(key).ls2.gamma" : nil)))
    }
    normPre = try a.normPre ? norm("norm_pre") : nil
    self.norm = try norm(a.normalizesFeatures ? "fc_norm" : "norm")
    pooling = try FeaturePooling(a, loader)
    head = try a.distilled ? Self.distilledHead(a, loader) : loader.linear("head")
  }

  func makePass(
    _ composition: Composition, batchSize: Int, on device: any Backend
  ) throws -> any ModelPass {
    try ViTPass(self, composition, batchSize: batchSize, on: device)
  }

  /// Makes the fused layers in two of the blocks that merge tokens behind their map.
  ///
  /// They are copies: a device may store the fused one in panels, and not every width ends with
  /// one.
  func prepare(_ composition: Composition) throws {
    let blocks = composition.steps.filter { $0.position == .insideAttention }.map(\.block)
    let missing = blocks.filter { splits[$0] == nil }
    guard !missing.isEmpty else { return }
    let names = architecture.qkvBias ? ["weight", "bias"] : ["weight"]
    let tensors = missing.flatMap { block in
      names.map { loader.specification("\(Self.qkvKey(block)).\($0)") }
    }
    try backend.withArena(bytes: WeightLoader.bytes(tensors, backend)) {
      for block in missing { splits[block] = try makeSplit(block) }
    }
  }

  private static func qkvKey(_ block: Int) -> String { "blocks.\(block).attn.qkv" }

  private func makeSplit(_ block: Int) throws -> SplitProjection {
    let (width, key) = (architecture.embedDim, Self.qkvKey(block))
    let weight = try loader.values("\(key).weight")
    let bias =
      try architecture.qkvBias
      ? loader.values("\(key).bias") : [Float](repeating: 0, count: 3 * width)
    func part(_ outputs: Range<Int>) throws -> LinearParameters {
      let rows = (outputs.lowerBound * width)..<(outputs.upperBound * width)
      return try loader.linear(weight: Array(weight[rows]), bias: Array(bias[outputs]))
    }
    return SplitProjection(
      queriesAndKeys: try part(0..<(2 * width)), values: try part((2 * width)..<(3 * width)))
  }

  /// The fused layer of a block in two: the shared one that `prepare` made, or on a device that
  /// counts one of its own.
  func splitProjection(ofBlock index: Int, on device: any Backend) throws -> SplitProjection {
    if device.isDryRun {
      let width = architecture.embedDim
      return SplitProjection(
        queriesAndKeys: try device.makeLinear(
          weight: .empty, bias: nil, inputs: width, outputs: 2 * width),
        values: try device.makeLinear(weight: .empty, bias: nil, inputs: width, outputs: width))
    }
    guard let split = splits[index] else {
      preconditionFailure("a pass of a composition that was not prepared")
    }
    return split
  }

  /// The tensors and numbers of a step's score and disposal, one after the other, and how many are
  /// the score's.
  ///
  /// - Throws: `VisionModelsError.noMethodTensor` for weights that lack one.
  func constants(
    _ extent: StepExtent, _ composition: Composition, isDryRun: Bool
  ) throws -> (values: [Float], score: Int) {
    guard !isDryRun else { return ([], 0) }
    func values(_ tensors: [MethodTensor]) throws -> [Float] {
      try tensors.flatMap { try loader.values(of: $0) }
    }
    let score = try composition.score.map {
      $0.prepared(try values($0.tensors(extent)), extent)
    }
    let disposal = try values(composition.disposal.tensors(extent))
    return ((score ?? []) + disposal + composition.disposal.constants(extent), score?.count ?? 0)
  }

  /// The two classifiers side by side over [class | distillation], halved: their mean in one
  /// product.
  private static func distilledHead(
    _ a: ViTArchitecture, _ loader: WeightLoader
  ) throws -> LinearParameters {
    let (width, classes) = (a.embedDim, a.numClasses)
    let first = try loader.values("head.weight")
    let second = try loader.values("head_dist.weight")
    var weight = [Float](repeating: 0, count: 2 * width * classes)
    for row in 0..<classes {
      for column in 0..<width {
        weight[row * 2 * width + column] = first[row * width + column] / 2
        weight[row * 2 * width + width + column] = second[row * width + column] / 2
      }
    }
    let bias = zip(try loader.values("head.bias"), try loader.values("head_dist.bias"))
    return try loader.linear(weight: weight, bias: bias.map { ($0 + $1) / 2 })
  }

  /// The patch convolution, positions at the model's grid, and the prefix tokens with theirs added.
  private static func embedding(
    _ a: ViTArchitecture, _ loader: WeightLoader
  ) throws -> PatchEmbedding {
    let width = a.embedDim
    let positions = try loader.values("pos_embed")
    let positioned = a.positionedPrefix
    var prefix = try a.classToken ? loader.values("cls_token") : []
    if a.distilled { prefix += try loader.values("dist_token") }
    if a.registers > 0 { prefix += try loader.values("reg_token") }
    for index in 0..<positioned * width { prefix[index] += positions[index] }
    let trained = loader.shape("pos_embed")[1] - positioned
    let grid = PositionEmbedding.resample(
      Array(positions[(positioned * width)...]),
      side: Int(Double(trained).squareRoot().rounded()), width: width, rows: a.grid,
      columns: a.grid, interpolation: a.positionInterpolation)
    return PatchEmbedding(
      linear: try loader.linear("patch_embed.proj", bias: !a.normPre), patchSize: a.patchSize,
      positions: try loader.upload(grid, Shape(a.patches, width)),
      prefix: try loader.upload(prefix, Shape(a.prefixTokens, width)))
  }
}
