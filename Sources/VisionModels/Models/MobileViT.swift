import Records
import Tensors

/// MobileViT: inverted residuals, and three stages whose transformers attend between the pixels at
/// the same place of every square of 2 × 2.
///
/// Mehta and Rastegari, arXiv:2110.02178; timm `mobilevit_xxs`, `mobilevit_xs`, `mobilevit_s`.
package struct MobileViT: LayeredArchitecture {
  package static let family = "mobilevit"
  package static var layouts: [any CheckpointLayout] { [HuggingFaceMobileViTLayout()] }
  package static let huggingFaceTypes = ["mobilevit"]

  package var imageSize = 256
  /// Channels of the five stages.
  package var widths: [Int]
  /// Width and blocks of the transformers in the last three.
  package var transformerDims: [Int]
  package var transformerDepths: [Int]
  package var stemWidth = 16
  /// Inner width of an inverted residual over that of its input.
  package var expansion: Int
  package var headWidth: Int
  package var numClasses = 1000

  package enum CodingKeys: String, CodingKey {
    case widths, expansion
    case imageSize = "image_size"
    case transformerDims = "transformer_dims"
    case transformerDepths = "transformer_depths"
    case stemWidth = "stem_width"
    case headWidth = "head_width"
    case numClasses = "num_classes"
  }

  package static let entries: [ModelEntry] = [
    ("xxs", [16, 24, 48, 64, 80], [64, 80, 96], 2, 320),
    ("xs", [32, 48, 64, 80, 96], [96, 120, 144], 4, 384),
    ("s", [32, 64, 96, 128, 160], [144, 192, 240], 4, 640),
  ].map { name, widths, dims, expansion, head in
    ModelEntry(
      name: "mobilevit_\(name)", displayName: "MobileViT-\(name.uppercased())",
      architecture: MobileViT(
        widths: widths, transformerDims: dims, transformerDepths: [2, 4, 3],
        expansion: expansion, headWidth: head),
      preprocessing: Preprocessing(
        resize: Int(256 / 0.9), crop: 256, mean: [0, 0, 0], std: [1, 1, 1]),
      source: "arXiv:2110.02178, timm mobilevit_\(name).cvnets_in1k")
  }

  fileprivate static let heads = 4
  fileprivate static let patch = 2

  package func problems() -> [(key: String, message: String)] {
    sizeProblems(
      multipleOf: 64, because: "the stride of the last stage times the side of a patch")
  }

  package var stages: [TokenStage] {
    (0..<3).map { stage in
      let side = imageSize >> (stage + 3)
      return TokenStage(
        tokens: side * side, blocks: transformerDepths[stage], width: transformerDims[stage],
        heads: Self.heads, grid: side,
        whyNotReducible: "the convolution behind the transformer needs the whole grid")
    }
  }

  package final class Layers: ModelLayers {
    private let stem: ConvolutionParameters
    private let stages: [(local: [InvertedResidual], attention: AttentionBlock?)]
    private let last: ConvolutionParameters
    private let head: LinearParameters

    package init(_ a: MobileViT, _ layers: LayerSource) throws {
      stem = try layers.normed(
        "stem", ConvolutionExtent(inputs: 3, outputs: a.stemWidth, kernel: 3, stride: 2))
      stages = try a.widths.indices.map { stage in
        let before = stage == 0 ? a.stemWidth : a.widths[stage - 1]
        let local = try (0..<(stage == 1 ? 3 : 1)).map { block in
          try InvertedResidual(
            layers, "stages.\(stage).\(block)", from: block == 0 ? before : a.widths[stage],
            to: a.widths[stage], expansion: a.expansion,
            stride: block == 0 && stage > 0 ? 2 : 1)
        }
        return (
          local, try stage < 2 ? nil : AttentionBlock(layers, "stages.\(stage).1", a, stage: stage)
        )
      }
      last = try layers.normed("final_conv", .pointwise(a.widths[4], a.headWidth))
      head = try layers.linear("head.fc", inputs: a.headWidth, outputs: a.numClasses)
    }

    package func forward(_ pass: PassBuilder) throws -> PassMap {
      var x = try pass.convolve(try pass.images(), stem, .silu)
      pass.mark(-1, x)
      for (index, stage) in stages.enumerated() {
        if let attention = stage.attention {
          x = try attention.forward(x, behind: stage.local[0], pass)
        } else {
          for block in stage.local { x = try block.forward(x, pass) }
        }
        pass.mark(index, x)
      }
      let features = try pass.mean(try pass.convolve(x, last, .silu))
      pass.classify(features, head)
      return features
    }
  }

  /// timm's `BottleneckBlock` with a wide middle.
  private struct InvertedResidual {
    let expand: ConvolutionParameters
    let depthwise: ConvolutionParameters
    let project: ConvolutionParameters
    let isResidual: Bool

    init(
      _ layers: LayerSource, _ key: String, from width: Int, to next: Int, expansion: Int,
      stride: Int
    ) throws {
      let hidden = expansion * width
      expand = try layers.normed("\(key).conv1_1x1", .pointwise(width, hidden))
      depthwise = try layers.normed(
        "\(key).conv2_kxk", .depthwise(hidden, kernel: 3, stride: stride))
      project = try layers.normed("\(key).conv3_1x1", .pointwise(hidden, next))
      isResidual = stride == 1 && width == next
    }

    func inner(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
      let y = try pass.convolve(x, expand, .silu)
      return try pass.convolve(y, depthwise, .silu)
    }

    func forward(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
      try pass.convolve(try inner(x, pass), project, residual: isResidual ? x : nil)
    }
  }

  /// timm's `MobileVitBlock`.
  private struct AttentionBlock {
    let local: ConvolutionParameters
    let expand: ConvolutionParameters
    let blocks: [TransformerBlock]
    let norm: LayerNormParameters
    let project: ConvolutionParameters
    let fuse: ConvolutionParameters

    init(_ layers: LayerSource, _ key: String, _ a: MobileViT, stage: Int) throws {
      let (width, dim) = (a.widths[stage], a.transformerDims[stage - 2])
      local = try layers.normed(
        "\(key).conv_kxk", ConvolutionExtent(inputs: width, outputs: width, kernel: 3))
      expand = try layers.convolution("\(key).conv_1x1", .pointwise(width, dim))
      blocks = try (0..<a.transformerDepths[stage - 2]).map {
        try TransformerBlock(layers, "\(key).transformer.\($0)", width: dim)
      }
      norm = try layers.layerNorm("\(key).norm", dim, epsilon: epsilon)
      project = try layers.normed("\(key).conv_proj", .pointwise(dim, width))
      fuse = try layers.normed(
        "\(key).conv_fusion", ConvolutionExtent(inputs: 2 * width, outputs: width, kernel: 3))
    }

    /// Behind a block that writes where the last convolution reads it again.
    func forward(
      _ x: PassMap, behind block: InvertedResidual, _ pass: PassBuilder
    ) throws -> PassMap {
      var y = try block.inner(x, pass)
      let width = block.project.extent.outputs
      let both = try pass.allocate(height: y.height, width: y.width, channels: 2 * width)
      let input = try pass.convolve(y, block.project, into: both.channels(0..<width))
      y = try pass.convolve(input, local, .silu)
      y = try pass.convolve(y, expand)
      for block in blocks { try block.forward(y, pass) }
      y = try pass.layerNorm(y, norm)
      _ = try pass.convolve(y, project, .silu, into: both.channels(width..<(2 * width)))
      return try pass.convolve(both, fuse, .silu)
    }
  }

  private struct TransformerBlock {
    let norm1: LayerNormParameters
    let qkv: LinearParameters
    let projection: LinearParameters
    let norm2: LayerNormParameters
    let fc1: LinearParameters
    let fc2: LinearParameters

    init(_ layers: LayerSource, _ key: String, width: Int) throws {
      norm1 = try layers.layerNorm("\(key).norm1", width, epsilon: epsilon)
      qkv = try layers.linear("\(key).attn.qkv", inputs: width, outputs: 3 * width)
      projection = try layers.linear("\(key).attn.proj", inputs: width, outputs: width)
      norm2 = try layers.layerNorm("\(key).norm2", width, epsilon: epsilon)
      fc1 = try layers.linear("\(key).mlp.fc1", inputs: width, outputs: 2 * width)
      fc2 = try layers.linear("\(key).mlp.fc2", inputs: 2 * width, outputs: width)
    }

    /// Adds to `x` in place.
    func forward(_ x: PassMap, _ pass: PassBuilder) throws {
      let (width, heads) = (x.channels, MobileViT.heads)
      let dim = width / heads
      let projected = try pass.project(x, norm: norm1, qkv)
      let attended = try pass.allocate(height: x.height, width: x.width, channels: width)
      pass.attention(
        queries: projected.heads(heads, dim: dim),
        keys: projected.heads(from: width, heads, dim: dim),
        values: projected.heads(from: 2 * width, heads, dim: dim),
        scale: 1 / Float(dim).squareRoot(),
        grouping: .interleaved(height: x.height, width: x.width, patch: MobileViT.patch),
        into: attended.heads(heads, dim: dim))
      pass.projectResidual(attended, projection, onto: x)
      let hidden = try pass.linear(try pass.layerNorm(x, norm2), fc1, .silu)
      _ = try pass.linear(hidden, fc2, residual: x, into: x)
    }
  }
}

private let epsilon: Float = 1e-5

extension LayerSource {
  /// timm's `ConvNormAct`: `key.conv` without bias, and `key.bn`.
  fileprivate func normed(
    _ key: String, _ extent: ConvolutionExtent
  ) throws -> ConvolutionParameters {
    try convolution("\(key).conv", extent, norm: "\(key).bn")
  }
}
