import Tensors

/// Swin transformer: attention within windows that are shifted in every second block, over four
/// resolutions.
///
/// Liu et al., arXiv:2103.14030; timm `swin_tiny_patch4_window7_224` and its larger kin.
package struct Swin: LayeredArchitecture {
  package static let family = "swin"
  package static var layouts: [any CheckpointLayout] {
    [HuggingFaceSwinLayout(), MicrosoftSwinLayout()]
  }
  package static let huggingFaceTypes = ["swin"]

  package var imageSize = 224
  package var embedDim: Int
  package var depths: [Int]
  package var numHeads: [Int]
  package var windowSize = 7
  package var numClasses = 1000

  package enum CodingKeys: String, CodingKey {
    case depths
    case imageSize = "image_size"
    case embedDim = "embed_dim"
    case numHeads = "num_heads"
    case windowSize = "window_size"
    case numClasses = "num_classes"
  }

  package static let entries: [ModelEntry] = [
    ("tiny", "T", 96, 6, 3), ("small", "S", 96, 18, 3), ("base", "B", 128, 18, 4),
  ].map { name, letter, width, depth, heads in
    ModelEntry(
      name: "swin_\(name)_patch4_window7_224", displayName: "Swin-\(letter)",
      architecture: Swin(
        embedDim: width, depths: [2, 2, depth, 2], numHeads: (0..<4).map { heads << $0 }),
      preprocessing: .imageNet(crop: 224, fraction: 0.9),
      source: "arXiv:2103.14030, timm swin_\(name)_patch4_window7_224.ms_in1k")
  }

  /// Tokens of a side in each stage.
  var sides: [Int] { depths.indices.map { (imageSize / 4) >> $0 } }

  package func problems() -> [(key: String, message: String)] {
    let unit = 4 << (depths.count - 1)
    let problems = sizeProblems(multipleOf: unit, because: "the stride of the last stage")
    guard problems.isEmpty else { return problems }
    let uneven = sides.first { $0 > windowSize && $0 % windowSize != 0 }
    guard let uneven else { return [] }
    return [
      (
        "image_size",
        "\(imageSize) makes a grid of \(uneven) × \(uneven) tokens, which windows of \(windowSize) do "
          + "not divide; a multiple of \(unit * windowSize) would be right"
      )
    ]
  }

  package var stages: [TokenStage] {
    sides.indices.map { stage in
      TokenStage(
        tokens: sides[stage] * sides[stage], blocks: depths[stage], width: embedDim << stage,
        heads: numHeads[stage], grid: sides[stage],
        whyNotReducible: "windows of \(windowSize) × \(windowSize) tokens need the whole grid")
    }
  }

  package final class Layers: ModelLayers {
    private let patches: LinearParameters
    private let patchNorm: LayerNormParameters
    private let stages: [Stage]
    private let norm: LayerNormParameters
    private let head: LinearParameters

    package init(_ a: Swin, _ layers: LayerSource) throws {
      let width = a.embedDim << (a.depths.count - 1)
      patches = try layers.linear(
        "patch_embed.proj", inputs: 48, outputs: a.embedDim, kernel: 4)
      patchNorm = try layers.layerNorm("patch_embed.norm", a.embedDim, epsilon: epsilon)
      stages = try a.depths.indices.map { try Stage(a, $0, layers) }
      norm = try layers.layerNorm("norm", width, epsilon: epsilon)
      head = try layers.linear("head.fc", inputs: width, outputs: a.numClasses)
    }

    package func forward(_ pass: PassBuilder) throws -> PassMap {
      var x = try pass.linear(try pass.images(patch: 4), patches)
      x = try pass.layerNorm(x, patchNorm)
      pass.mark(-1, x)
      for (index, stage) in stages.enumerated() {
        x = try stage.forward(x, pass)
        pass.mark(index, x)
      }
      let features = try pass.mean(try pass.layerNorm(x, norm))
      pass.classify(features, head)
      return features
    }
  }

  private struct Stage {
    let merge: (norm: LayerNormParameters, reduction: LinearParameters)?
    let blocks: [Block]

    init(_ a: Swin, _ index: Int, _ layers: LayerSource) throws {
      let (key, width) = ("layers.\(index)", a.embedDim << index)
      merge =
        try index == 0
        ? nil
        : (
          layers.layerNorm("\(key).downsample.norm", 2 * width, epsilon: epsilon),
          layers.linear(
            "\(key).downsample.reduction", inputs: 2 * width, outputs: width, bias: false)
        )
      blocks = try (0..<a.depths[index]).map { block in
        try Block(layers, "\(key).blocks.\(block)", a, stage: index, isShifted: block % 2 == 1)
      }
    }

    func forward(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
      var x = x
      if let merge {
        x = try pass.layerNorm(try pass.mergeSquares(x), merge.norm)
        x = try pass.linear(x, merge.reduction)
      }
      for block in blocks { try block.forward(x, pass) }
      return x
    }
  }

  private struct Block {
    let norm1: LayerNormParameters
    let qkv: LinearParameters
    let bias: Tensor
    let projection: LinearParameters
    let feedForward: FeedForwardParameters
    let heads: Int
    let grouping: TokenGrouping

    init(
      _ layers: LayerSource, _ key: String, _ a: Swin, stage: Int, isShifted: Bool
    ) throws {
      let (width, heads, side) = (a.embedDim << stage, a.numHeads[stage], a.sides[stage])
      let window = min(a.windowSize, side)
      self.heads = heads
      // A grid of one window has nothing to shift.
      grouping = .windows(
        height: side, width: side, window: window,
        shift: isShifted && side > a.windowSize ? window / 2 : 0)
      norm1 = try layers.layerNorm("\(key).norm1", width, epsilon: epsilon)
      bias = try layers.relativePositionBias("\(key).attn", heads: heads, side: window)
      qkv = try layers.linear("\(key).attn.qkv", inputs: width, outputs: 3 * width)
      projection = try layers.linear("\(key).attn.proj", inputs: width, outputs: width)
      feedForward = FeedForwardParameters(
        norm: try layers.layerNorm("\(key).norm2", width, epsilon: epsilon),
        fc1: try layers.linear("\(key).mlp.fc1", inputs: width, outputs: 4 * width),
        activation: .gelu,
        fc2: try layers.linear("\(key).mlp.fc2", inputs: 4 * width, outputs: width))
    }

    /// Adds to `x` in place.
    func forward(_ x: PassMap, _ pass: PassBuilder) throws {
      let projected = try pass.project(x, norm: norm1, qkv)
      let (width, dim) = (x.channels, x.channels / heads)
      let attended = try pass.allocate(height: x.height, width: x.width, channels: width)
      pass.attention(
        queries: projected.heads(heads, dim: dim),
        keys: projected.heads(from: width, heads, dim: dim),
        values: projected.heads(from: 2 * width, heads, dim: dim),
        scale: 1 / Float(dim).squareRoot(), grouping: grouping, bias: bias,
        into: attended.heads(heads, dim: dim))
      pass.projectResidual(attended, projection, onto: x)
      pass.feedForward(x, feedForward)
    }
  }
}

private let epsilon: Float = 1e-5
