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
