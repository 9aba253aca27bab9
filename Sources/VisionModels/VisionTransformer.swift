import Foundation
import Tensors

/// A plain vision transformer with its weights on a device, which any number of forward passes share.
package final class VisionTransformer {
  package let architecture: ViTArchitecture
  package let backend: any Backend
  /// Trained numbers.
  package let parameterCount: Int

  struct Block {
    let norm1: LayerNormParameters
    let qkv: LinearParameters
    let projection: LinearParameters
    let feedForward: FeedForwardParameters
  }

  let embedding: PatchEmbedding
  let blocks: [Block]
  let norm: LayerNormParameters
  /// One linear layer over the features, whatever the head: distillation's two are side by side and halved.
  let head: LinearParameters
  let readOut: ReadOut

  /// Loads or draws the weights.
  ///
  /// Errors: `TensorsError`, `VisionModelsError.weightsDoNotFit` for a file of another model, or `.modelTooLarge`.
  package init(
    architecture: ViTArchitecture, name: String = "this model", weights: WeightSource,
    backend: any Backend
  ) throws {
    self.architecture = architecture
    self.backend = backend
    parameterCount = Self.parameterCount(architecture)
    let memory = Int(ProcessInfo.processInfo.physicalMemory)
    guard parameterCount <= memory / 4 else {
      throw VisionModelsError.modelTooLarge(
        model: name, bytes: 4 * parameterCount, memoryBytes: memory)
    }
    let expected = Self.specifications(architecture)
    let reader: any WeightReader =
      switch weights {
      case .random(let seed): RandomWeights(seed: seed, positionGrid: architecture.grid)
      case .file(let url):
        try FileWeights(url: url, model: name, expected: expected, architecture: architecture)
      }
    let loader = WeightUploader(
      reader: reader, backend: backend,
      specifications: Dictionary(uniqueKeysWithValues: expected.map { ($0.key, $0) }))
    let parts = try backend.withArena(bytes: Self.weightBytes(expected, backend)) {
      try Parts(architecture, loader)
    }
    try backend.check()
    embedding = parts.embedding
    blocks = parts.blocks
    norm = parts.norm
    head = parts.head
    readOut =
      architecture.head == .tokenAndPatchMean
      ? .classAndPatchMean(prefixTokens: architecture.prefixTokens)
      : .prefix(count: architecture.distilled ? 2 : 1)
  }

  /// An upper bound of what the weights take on a device.
  private static func weightBytes(
    _ specifications: [WeightSpecification], _ backend: any Backend
  ) -> Int {
    specifications.reduce(0) { sum, tensor in
      let count = tensor.shape.reduce(1, *)
      // A matrix is of the activations' type, its rows padded to eight; a vector may be there in both types.
      let isMatrix = tensor.shape.count > 1 && tensor.key.hasSuffix(".weight")
      let bytes =
        isMatrix
        ? (count + 8 * tensor.shape[0]) * backend.activationType.byteCount : 8 * count
      return sum + bytes + 1024
    }
  }

  /// The parts while they are loaded.
  private struct Parts {
    let embedding: PatchEmbedding
    let blocks: [Block]
    let norm: LayerNormParameters
    let head: LinearParameters

    init(_ architecture: ViTArchitecture, _ loader: WeightUploader) throws {
      embedding = try loader.embedding(architecture)
      blocks = try (0..<architecture.depth).map { index in
        let key = "blocks.\(index)"
        let scaled = architecture.layerScale
        return Block(
          norm1: try loader.norm("\(key).norm1"), qkv: try loader.linear("\(key).attn.qkv"),
          projection: try loader.linear(
            "\(key).attn.proj", layerScale: scaled ? "\(key).ls1.gamma" : nil),
          feedForward: FeedForwardParameters(
            norm: try loader.norm("\(key).norm2"), fc1: try loader.linear("\(key).mlp.fc1"),
            activation: architecture.mlp == .swiglu ? .swiglu : .gelu,
            fc2: try loader.linear("\(key).mlp.fc2", layerScale: scaled ? "\(key).ls2.gamma" : nil))
        )
      }
      norm = try loader.norm("norm")
      head = try architecture.distilled ? loader.distilledHead(architecture) : loader.linear("head")
    }
  }

  /// Trained numbers of a model of these sizes.
  package static func parameterCount(_ architecture: ViTArchitecture) -> Int {
    specifications(architecture).reduce(0) { $0 + $1.shape.reduce(1, *) }
  }

  /// Rows of `pos_embed` before the patches: timm's register models have none.
  static func positionedPrefix(_ architecture: ViTArchitecture) -> Int {
    architecture.registers > 0 ? 0 : architecture.prefixTokens
  }

  /// Every tensor of timm's `VisionTransformer` with these sizes.
  static func specifications(_ a: ViTArchitecture) -> [WeightSpecification] {
    let c = a.embedDim
    var list: [WeightSpecification] = []
    func add(_ key: String, _ shape: [Int], _ initial: WeightSpecification.Initial = .normal) {
      list.append(WeightSpecification(key: key, shape: shape, initial: initial))
    }
    func linear(_ key: String, _ output: Int, _ input: Int) {
      add("\(key).weight", [output, input])
      add("\(key).bias", [output], .zeros)
    }
    func norm(_ key: String) {
      add("\(key).weight", [c], .ones)
      add("\(key).bias", [c], .zeros)
    }
    add("cls_token", [1, 1, c])
    if a.distilled { add("dist_token", [1, 1, c]) }
    if a.registers > 0 { add("reg_token", [1, a.registers, c]) }
    add("pos_embed", [1, positionedPrefix(a) + a.patches, c])
    add("patch_embed.proj.weight", [c, 3, a.patchSize, a.patchSize])
    add("patch_embed.proj.bias", [c], .zeros)
    for block in 0..<a.depth {
      let key = "blocks.\(block)"
      norm("\(key).norm1")
      linear("\(key).attn.qkv", 3 * c, c)
      linear("\(key).attn.proj", c, c)
      norm("\(key).norm2")
      linear("\(key).mlp.fc1", a.fc1Width, c)
      linear("\(key).mlp.fc2", c, a.mlpWidth)
      if a.layerScale {
        add("\(key).ls1.gamma", [c], .ones)
        add("\(key).ls2.gamma", [c], .ones)
      }
    }
    norm("norm")
    linear("head", a.numClasses, a.distilled ? c : a.featureDim)
    if a.distilled { linear("head_dist", a.numClasses, c) }
    return list
  }
}
