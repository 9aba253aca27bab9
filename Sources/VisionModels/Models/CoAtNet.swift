import Tensors

/// CoAtNet: two stages of inverted residuals with squeeze and excitation, two of attention with a
/// relative bias over the whole feature map.
///
/// Dai et al., arXiv:2106.04803; timm `coatnet_0_224` … with the sizes of the paper, and
/// `coatnet_0_rw_224`, `coatnet_1_rw_224`, trained in timm with changes that `isTrainedInTimm`
/// gathers.
package struct CoAtNet: LayeredArchitecture {
  package static let family = "coatnet"

  package var imageSize = 224
  package var dims: [Int]
  package var depths: [Int]
  /// Channels of the two convolutions of the stem.
  package var stemWidths: [Int]
  /// timm's `rw` models: SiLU, an activation after the first norm, the gate before the norm, widths
  /// expanded from the input, no bias in shortcuts.
  package var isTrainedInTimm = false
  /// Strided blocks halve their input by means instead of striding the depthwise convolution.
  package var halvesByPooling = false
  package var headDim = 32
  package var numClasses = 1000

  package enum CodingKeys: String, CodingKey {
    case dims, depths
    case imageSize = "image_size"
    case stemWidths = "stem_widths"
    case isTrainedInTimm = "rw"
    case halvesByPooling = "pool_stride"
    case headDim = "head_dim"
    case numClasses = "num_classes"
  }

  package static let entries: [ModelEntry] = [
    ("0", CoAtNet(dims: narrow, depths: [2, 3, 5, 2], stemWidths: [64, 64])),
    ("1", CoAtNet(dims: narrow, depths: [2, 6, 14, 2], stemWidths: [64, 64])),
    (
      "2",
      CoAtNet(dims: [128, 256, 512, 1024], depths: [2, 6, 14, 2], stemWidths: [128, 128])
    ),
    (
      "0_rw",
      CoAtNet(
        dims: narrow, depths: [2, 3, 7, 2], stemWidths: [32, 64], isTrainedInTimm: true,
        halvesByPooling: true)
    ),
    (
      "1_rw",
      CoAtNet(
        dims: narrow, depths: [2, 6, 14, 2], stemWidths: [32, 64], isTrainedInTimm: true)
    ),
  ].map { name, architecture in
    ModelEntry(
      name: "coatnet_\(name)_224", displayName: "CoAtNet-\(name)", architecture: architecture,
      preprocessing: .inception(crop: 224, fraction: 0.95),
      source: "arXiv:2106.04803, timm coatnet_\(name)_224"
        + (architecture.isTrainedInTimm ? ".sw_in1k" : "; no published weights"))
  }

  private static let narrow = [96, 192, 384, 768]

  package func problems() -> [(key: String, message: String)] {
    sizeProblems(multipleOf: 32, because: "the stride of the last stage")
  }

  package var stages: [TokenStage] {
    [2, 3].map { stage in
      let side = imageSize >> (stage + 2)
      return TokenStage(
        tokens: side * side, blocks: depths[stage], width: dims[stage],
        heads: dims[stage] / headDim, grid: side,
        whyNotReducible: stage == 2
          ? "the next stage halves the grid, and the bias is of its places"
          : "the bias is of the grid's places")
    }
  }

  fileprivate var activation: Activation { isTrainedInTimm ? .silu : .gelu }

  package final class Layers: ModelLayers {
    private let stem: [ConvolutionParameters]
    private let activation: Activation
    private let local: [[InvertedResidual]]
    private let attending: [[TransformerBlock]]
    private let norm: LayerNormParameters
    private let hidden: LinearParameters?
    private let head: LinearParameters

    package init(_ a: CoAtNet, _ layers: LayerSource) throws {
      activation = a.activation
      stem = [
        try layers.convolution(
          "stem.conv1",
          ConvolutionExtent(inputs: 3, outputs: a.stemWidths[0], kernel: 3, stride: 2),
          norm: "stem.norm1"),
        try layers.convolution(
          "stem.conv2",
          ConvolutionExtent(inputs: a.stemWidths[0], outputs: a.stemWidths[1], kernel: 3)),
      ]
      let widths = [a.stemWidths[1]] + a.dims
      func blocks<Block>(
        _ stage: Int, _ make: (_ key: String, _ from: Int, _ to: Int, _ stride: Int) throws -> Block
      ) rethrows -> [Block] {
        try (0..<a.depths[stage]).map {
          try make(
            "stages.\(stage).blocks.\($0)", widths[$0 == 0 ? stage : stage + 1],
            widths[stage + 1], $0 == 0 ? 2 : 1)
        }
      }
      local = try [0, 1].map { stage in
        try blocks(stage) { try InvertedResidual(layers, $0, a, from: $1, to: $2, stride: $3) }
      }
      attending = try [2, 3].map { stage in
        let side = a.imageSize >> (stage + 2)
        return try blocks(stage) {
          try TransformerBlock(layers, $0, a, from: $1, to: $2, stride: $3, side: side)
        }
      }
      let width = a.dims[3]
      let isPaper = !a.isTrainedInTimm
      norm = try layers.layerNorm(isPaper ? "head.norm" : "norm", width, epsilon: 1e-6)
      // tanh(x) = 2 sigmoid(2x) - 1: the first factor goes into the layer before, the rest into the
      // one behind.
      hidden =
        try isPaper
        ? layers.linear("head.pre_logits.fc", inputs: width, outputs: width) {
          $0.follow(
            by: ([Float](repeating: 2, count: width), [Float](repeating: 0, count: width)))
        } : nil
      head = try layers.linear("head.fc", inputs: width, outputs: a.numClasses) {
        guard isPaper else { return }
        $0.precede(
          by: ([Float](repeating: 2, count: width), [Float](repeating: -1, count: width)))
      }
    }

    package func forward(_ pass: PassBuilder) throws -> PassMap {
      var x = try pass.convolve(try pass.images(), stem[0], activation)
      x = try pass.convolve(x, stem[1])
      pass.mark(-1, x)
      for (index, stage) in local.enumerated() {
        for block in stage { x = try block.forward(x, pass) }
        pass.mark(index, x)
      }
      for (index, stage) in attending.enumerated() {
        for block in stage { x = try block.forward(x, pass) }
        pass.mark(index + 2, x)
      }
      guard let hidden else {
        let features = try pass.mean(try pass.layerNorm(x, norm))
        pass.classify(features, head)
        return features
      }
      let normed = try pass.layerNorm(try pass.mean(x), norm)
      let features = try pass.linear(normed, hidden, .sigmoid)
      pass.classify(features, head)
      return features
    }
  }

  /// timm's `Downsample2d`: means of squares, then a layer where the width changes.
  private struct Shortcut {
    let expand: ConvolutionParameters?

    init(_ layers: LayerSource, _ key: String, from width: Int, to next: Int, bias: Bool) throws {
      expand =
        try width == next
        ? nil : layers.convolution("\(key).expand", .pointwise(width, next), bias: bias)
    }

    func forward(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
      let half = try pass.halve(x)
      return try expand.map { try pass.convolve(half, $0) } ?? half
    }
  }

  /// timm's `MbConvBlock`.
  private struct InvertedResidual {
    let shortcut: Shortcut?
    /// Where an activation stands between the first norm and its layer.
    let preNorm: (scale: Tensor, shift: Tensor)?
    let expand: ConvolutionParameters
    let depthwise: ConvolutionParameters
    let gate: SqueezeExcite
    /// Behind the gate, where it comes early.
    let lateNorm: (scale: Tensor, shift: Tensor)?
    let project: ConvolutionParameters
    let activation: Activation
    let halvesFirst: Bool

    init(
      _ layers: LayerSource, _ key: String, _ a: CoAtNet, from width: Int, to next: Int,
      stride: Int
    ) throws {
      let isRW = a.isTrainedInTimm
      let hidden = 4 * (isRW ? width : next)
      activation = a.activation
      halvesFirst = stride == 2 && a.halvesByPooling
      shortcut =
        try stride == 1
        ? nil : Shortcut(layers, "\(key).shortcut", from: width, to: next, bias: !isRW)
      preNorm = try isRW ? layers.batchNorm("\(key).pre_norm", width) : nil
      expand = try layers.convolution(
        "\(key).conv1_1x1", .pointwise(width, hidden), norm: "\(key).norm1",
        inputNorm: isRW ? nil : "\(key).pre_norm")
      depthwise = try layers.convolution(
        "\(key).conv2_kxk", .depthwise(hidden, kernel: 3, stride: halvesFirst ? 1 : stride),
        norm: isRW ? nil : "\(key).norm2")
      gate = try SqueezeExcite(
        layers, isRW ? "\(key).se_early" : "\(key).se", channels: hidden,
        reduced: (isRW ? hidden : next) / 4, activation: isRW ? .relu : .silu)
      lateNorm = try isRW ? layers.batchNorm("\(key).norm2", hidden) : nil
      project = try layers.convolution(
        "\(key).conv3_1x1", .pointwise(hidden, next), bias: !isRW)
    }

    func forward(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
      var y = try preNorm.map { try pass.affine(x, $0, activation) } ?? x
      if halvesFirst { y = try pass.halve(y) }
      y = try pass.convolve(y, expand, activation)
      y = try pass.convolve(y, depthwise, lateNorm == nil ? activation : .identity)
      try pass.squeezeExcite(y, gate)
      if let lateNorm { y = try pass.affine(y, lateNorm, activation, into: y) }
      return try pass.convolve(
        y, project, residual: try shortcut?.forward(x, pass) ?? x)
    }
  }

  /// timm's `TransformerBlock2d`.
  private struct TransformerBlock {
    let shortcut: Shortcut?
    let norm1: LayerNormParameters
    let qkv: LinearParameters
    let bias: Tensor
    let projection: LinearParameters
    let feedForward: FeedForwardParameters
    let heads: Int
    let headDim: Int

    init(
      _ layers: LayerSource, _ key: String, _ a: CoAtNet, from width: Int, to next: Int,
      stride: Int, side: Int
    ) throws {
      let inner = a.isTrainedInTimm ? width : next
      (heads, headDim) = (inner / a.headDim, a.headDim)
      shortcut =
        try stride == 1
        ? nil
        : Shortcut(
          layers, "\(key).shortcut", from: width, to: next, bias: !a.isTrainedInTimm)
      norm1 = try layers.layerNorm(
        stride == 1 ? "\(key).norm1" : "\(key).norm1.norm", width, epsilon: 1e-6)
      qkv = try layers.linear(
        "\(key).attn.qkv", inputs: width, outputs: 3 * inner, kernel: 1)
      bias = try layers.relativePositionBias(
        "\(key).attn.rel_pos", heads: heads, side: side)
      projection = try layers.linear(
        "\(key).attn.proj", inputs: inner, outputs: next, kernel: 1)
      feedForward = FeedForwardParameters(
        norm: try layers.layerNorm("\(key).norm2", next, epsilon: 1e-6),
        fc1: try layers.linear("\(key).mlp.fc1", inputs: next, outputs: 4 * next, kernel: 1),
        activation: .gelu,
        fc2: try layers.linear("\(key).mlp.fc2", inputs: 4 * next, outputs: next, kernel: 1))
    }

    func forward(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
      let projected: PassMap
      if shortcut == nil {
        projected = try pass.project(x, norm: norm1, qkv)
      } else {
        projected = try pass.linear(try pass.halve(try pass.layerNorm(x, norm1)), qkv)
      }
      let y = try shortcut?.forward(x, pass) ?? x
      let attended = try pass.allocate(
        height: y.height, width: y.width, channels: heads * headDim)
      // Queries, keys and values of a head side by side.
      func part(_ index: Int) -> HeadView {
        projected.heads(from: index * headDim, heads, dim: headDim, stride: 3 * headDim)
      }
      pass.attention(
        queries: part(0), keys: part(1), values: part(2), scale: 1 / Float(headDim).squareRoot(),
        bias: bias, into: attended.heads(heads, dim: headDim))
      pass.projectResidual(attended, projection, onto: y)
      pass.feedForward(y, feedForward)
      return y
    }
  }
}
