import Tensors

/// EfficientViT with multi-scale linear attention: stages of inverted residuals, the last two with
/// ReLU attention over two scales.
///
/// Cai et al., arXiv:2205.14756; timm `efficientvit_b0` … `efficientvit_b3`. The denominator's
/// epsilon is timm's 1e-5, where the authors' code has 1e-15.
package struct EfficientViTB: MultiScaleArchitecture {
  package static let family = "efficientvit_mit"
  package static var layouts: [any CheckpointLayout] { [MITEfficientViTLayout()] }
  package static let isReduced = false
  package static let entries: [ModelEntry] = MultiScaleSizes.all.enumerated().flatMap {
    index, sizes in
    // B0 was trained at 224 alone.
    (index == 0 ? [224] : [224, 256, 288]).map { side in
      let name = "efficientvit_b\(index)"
      return entry(
        sizes, side, name: side == 224 ? name : "\(name).r\(side)_in1k",
        title: "EfficientViT-B\(index)", source: "arXiv:2205.14756, timm \(name).r\(side)_in1k")
    }
  }

  package typealias Layers = MultiScaleLayers<EfficientViTB>

  package var sizes: MultiScaleSizes

  package init(_ sizes: MultiScaleSizes) { self.sizes = sizes }
}

/// What EfficientViT-B and ReduceFormer-B have in common: all but the arithmetic of the attention.
package protocol MultiScaleArchitecture: LayeredArchitecture {
  /// Whether the attention multiplies elements, and keeps its second scale without a layer across
  /// the channels of a head.
  static var isReduced: Bool { get }
  var sizes: MultiScaleSizes { get }

  init(_ sizes: MultiScaleSizes)
}

package struct MultiScaleSizes: Codable, Hashable, Sendable {
  /// Width of the stem and of the four stages.
  let widths: [Int]
  let depths: [Int]
  /// Channels of an attention head.
  let headDim: Int
  /// Channels before and after the pooling of the head.
  let headWidths: [Int]
  var imageSize = 224
  var numClasses = 1000

  package enum CodingKeys: String, CodingKey {
    case widths, depths
    case headDim = "head_dim"
    case headWidths = "head_widths"
    case imageSize = "image_size"
    case numClasses = "num_classes"
  }

  /// B0 … B3.
  static let all = [
    MultiScaleSizes(
      widths: [8, 16, 32, 64, 128], depths: [1, 2, 2, 2, 2], headDim: 16, headWidths: [1024, 1280]),
    MultiScaleSizes(
      widths: [16, 32, 64, 128, 256], depths: [1, 2, 3, 3, 4], headDim: 16,
      headWidths: [1536, 1600]),
    MultiScaleSizes(
      widths: [24, 48, 96, 192, 384], depths: [1, 3, 4, 4, 6], headDim: 32,
      headWidths: [2304, 2560]),
    MultiScaleSizes(
      widths: [32, 64, 128, 256, 512], depths: [1, 4, 6, 6, 9], headDim: 32,
      headWidths: [2304, 2560]),
  ]
}

extension MultiScaleArchitecture {
  package init(from decoder: any Decoder) throws {
    self.init(try MultiScaleSizes(from: decoder))
  }

  package func encode(to encoder: any Encoder) throws { try sizes.encode(to: encoder) }

  static func entry(
    _ sizes: MultiScaleSizes, _ side: Int, name: String, title: String, source: String
  ) -> ModelEntry {
    var sizes = sizes
    sizes.imageSize = side
    return ModelEntry(
      name: name, displayName: side == 224 ? title : "\(title)@\(side)",
      architecture: Self(sizes),
      preprocessing: .imageNet(crop: side, fraction: side == 224 ? 0.95 : 1), source: source)
  }

  package var imageSize: Int { sizes.imageSize }
  package var numClasses: Int { sizes.numClasses }

  package func problems() -> [(key: String, message: String)] {
    sizeProblems(multipleOf: 32, because: "the stride of the last stage")
  }

  package var stages: [TokenStage] {
    [3, 4].map { stage in
      let side = imageSize >> (stage + 1)
      return TokenStage(
        tokens: side * side, blocks: sizes.depths[stage], width: sizes.widths[stage],
        heads: 2 * sizes.widths[stage] / sizes.headDim, grid: side,
        whyNotReducible: "convolutions on either side of the attention need the whole grid")
    }
  }
}

package final class MultiScaleLayers<Net: MultiScaleArchitecture>: ModelLayers {
  private let stem: ConvolutionParameters
  private let stemBlocks: [[ConvolutionParameters]]
  private let stages: [Stage]
  private let head:
    (
      expand: ConvolutionParameters, hidden: LinearParameters, norm: LayerNormParameters,
      classes: LinearParameters
    )

  package init(_ a: Net, _ layers: LayerSource) throws {
    let width = a.sizes.widths[0]
    stem = try layers.normed(
      "stem.in_conv", ConvolutionExtent(inputs: 3, outputs: width, kernel: 3, stride: 2))
    stemBlocks = try (0..<a.sizes.depths[0]).map { block in
      [
        try layers.normed("stem.res\(block).main.depth_conv", .depthwise(width, kernel: 3)),
        try layers.normed("stem.res\(block).main.point_conv", .pointwise(width, width)),
      ]
    }
    stages = try (1...4).map { try Stage(a, $0, layers) }
    let (wide, hidden) = (a.sizes.headWidths[0], a.sizes.headWidths[1])
    head = (
      try layers.normed("head.in_conv", .pointwise(a.sizes.widths[4], wide)),
      try layers.linear("head.classifier.0", inputs: wide, outputs: hidden, bias: false),
      try layers.layerNorm("head.classifier.1", hidden, epsilon: 1e-5),
      try layers.linear("head.classifier.4", inputs: hidden, outputs: a.numClasses)
    )
  }

  package func forward(_ pass: PassBuilder) throws -> PassMap {
    var x = try pass.convolve(try pass.images(), stem, .hardswish)
    for block in stemBlocks {
      let local = try pass.convolve(x, block[0], .hardswish)
      x = try pass.convolve(local, block[1], residual: x, into: x)
    }
    pass.mark(-1, x)
    for (index, stage) in stages.enumerated() {
      x = try stage.forward(x, pass)
      pass.mark(index, x)
    }
    x = try pass.convolve(x, head.expand, .hardswish)
    let features = try pass.mean(x)
    let hidden = try pass.layerNorm(try pass.linear(features, head.hidden), head.norm)
    pass.activate(hidden, .hardswish)
    pass.classify(hidden, head.classes)
    return features
  }

  private struct Stage {
    let first: InvertedResidual
    let blocks: [(attention: MultiScaleAttention?, local: InvertedResidual)]

    init(_ a: Net, _ index: Int, _ layers: LayerSource) throws {
      let key = "stages.\(index - 1).blocks"
      let (before, width, attends) = (a.sizes.widths[index - 1], a.sizes.widths[index], index >= 3)
      first = try InvertedResidual(
        layers, "\(key).0.main", from: before, to: width, stride: 2, hasFewerNorms: attends)
      // In the first stages the strided block counts among the depth.
      blocks = try (1..<(attends ? a.sizes.depths[index] + 1 : a.sizes.depths[index])).map {
        block in
        let key = "\(key).\(block)"
        return (
          try attends
            ? MultiScaleAttention(
              layers, "\(key).context_module.main", width: width, headDim: a.sizes.headDim,
              isReduced: Net.isReduced) : nil,
          try InvertedResidual(
            layers, attends ? "\(key).local_module.main" : "\(key).main", from: width, to: width,
            stride: 1, hasFewerNorms: attends)
        )
      }
    }

    func forward(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
      let x = try first.forward(x, pass)
      for block in blocks {
        try block.attention?.forward(x, pass)
        _ = try block.local.forward(x, pass)
      }
      return x
    }
  }
}

/// timm's `MBConv` of EfficientViT: 1×1 to four times the width, depthwise 3×3, 1×1 back.
private struct InvertedResidual {
  let expand: ConvolutionParameters
  let depthwise: ConvolutionParameters
  let project: ConvolutionParameters
  let isResidual: Bool

  /// - Parameter hasFewerNorms: A bias in place of the batch norms of the first two layers.
  init(
    _ layers: LayerSource, _ key: String, from width: Int, to next: Int, stride: Int,
    hasFewerNorms: Bool
  ) throws {
    let hidden = 4 * width
    expand = try layers.normed(
      "\(key).inverted_conv", .pointwise(width, hidden), biased: hasFewerNorms)
    depthwise = try layers.normed(
      "\(key).depth_conv", .depthwise(hidden, kernel: 3, stride: stride), biased: hasFewerNorms)
    project = try layers.normed("\(key).point_conv", .pointwise(hidden, next))
    isResidual = stride == 1
  }

  /// In place where it is residual.
  func forward(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
    var y = try pass.convolve(x, expand, .hardswish)
    y = try pass.convolve(y, depthwise, .hardswish)
    return try isResidual
      ? pass.convolve(y, project, residual: x, into: x) : pass.convolve(y, project)
  }
}

/// timm's `LiteMLA` with one scale of 5.
private struct MultiScaleAttention {
  let qkv: ConvolutionParameters
  let depthwise: ConvolutionParameters
  /// Across the channels of each head's q, k or v; ReduceFormer has none.
  let grouped: ConvolutionParameters?
  let project: ConvolutionParameters
  let headDim: Int

  init(
    _ layers: LayerSource, _ key: String, width: Int, headDim: Int, isReduced: Bool
  ) throws {
    let all = 3 * width
    self.headDim = headDim
    qkv = try layers.convolution("\(key).qkv.conv", .pointwise(width, all))
    depthwise = try layers.convolution("\(key).aggreg.0.0", .depthwise(all, kernel: 5))
    grouped =
      try isReduced
      ? nil
      : layers.convolution(
        "\(key).aggreg.0.1",
        ConvolutionExtent(inputs: all, outputs: all, kernel: 1, groups: all / headDim))
    project = try layers.normed("\(key).proj", .pointwise(2 * width, width))
  }

  /// Adds to `x` in place.
  func forward(_ x: PassMap, _ pass: PassBuilder) throws {
    let all = 3 * x.channels
    let scales = try pass.allocate(height: x.height, width: x.width, channels: 2 * all)
    let (fine, coarse) = (scales.channels(0..<all), scales.channels(all..<(2 * all)))
    _ = try pass.convolve(x, qkv, into: fine)
    if let grouped {
      _ = try pass.convolve(try pass.convolve(fine, depthwise), grouped, into: coarse)
    } else {
      _ = try pass.convolve(fine, depthwise, into: coarse)
    }
    let attended = try pass.linearAttention(
      scales, heads: 2 * x.channels / headDim, headDim: headDim,
      epsilon: grouped == nil ? 1e-15 : 1e-5, isReduced: grouped == nil)
    _ = try pass.convolve(attended, project, residual: x, into: x)
  }
}

extension LayerSource {
  /// timm's `ConvNormAct`: `key.conv`, and `key.norm` or a bias.
  fileprivate func normed(
    _ key: String, _ extent: ConvolutionExtent, biased: Bool = false
  ) throws -> ConvolutionParameters {
    try convolution(
      "\(key).conv", extent, bias: biased, norm: biased ? nil : "\(key).norm")
  }
}
