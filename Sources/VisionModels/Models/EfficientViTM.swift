import Tensors

/// EfficientViT with cascaded group attention: a convolutional stem, then three stages of
/// depthwise convolutions, feed-forward networks, and attention within windows whose heads feed
/// each other.
///
/// Liu et al., arXiv:2305.07027; timm `efficientvit_m0` … `efficientvit_m5`.
package struct EfficientViTM: LayeredArchitecture {
  package static let family = "efficientvit_msra"
  package static var layouts: [any CheckpointLayout] { [CreamEfficientViTLayout()] }

  package var imageSize = 224
  /// Width of each stage.
  package var embedDims: [Int]
  package var depths: [Int]
  package var numHeads: [Int]
  /// Side of the depthwise kernel on the queries of each head.
  package var kernels: [Int]
  /// Width of queries and keys of a head.
  package var keyDim = 16
  /// Side of a window; a smaller feature map is one window.
  package var windowSize = 7
  package var numClasses = 1000

  package enum CodingKeys: String, CodingKey {
    case depths, kernels
    case imageSize = "image_size"
    case embedDims = "embed_dims"
    case numHeads = "num_heads"
    case keyDim = "key_dim"
    case windowSize = "window_size"
    case numClasses = "num_classes"
  }

  package static let entries: [ModelEntry] = [
    (0, [64, 128, 192], [4, 4, 4], [5, 5, 5, 5]), (1, [128, 144, 192], [2, 3, 3], [7, 5, 3, 3]),
    (2, [128, 192, 224], [4, 3, 2], [7, 5, 3, 3]), (3, [128, 240, 320], [4, 3, 4], [5, 5, 5, 5]),
    (4, [128, 256, 384], [4, 4, 4], [7, 5, 3, 3]), (5, [192, 288, 384], [3, 3, 4], [7, 5, 3, 3]),
  ].map { index, widths, heads, kernels in
    ModelEntry(
      name: "efficientvit_m\(index)", displayName: "EfficientViT-M\(index)",
      architecture: EfficientViTM(
        embedDims: widths, depths: index == 5 ? [1, 3, 4] : [1, 2, 3], numHeads: heads,
        kernels: kernels),
      preprocessing: .imageNet(crop: 224, fraction: 0.875),
      source: "arXiv:2305.07027, timm efficientvit_m\(index).r224_in1k")
  }

  package func problems() -> [(key: String, message: String)] {
    sizeProblems(multipleOf: 16, because: "the pixels behind the four convolutions of the stem")
  }

  /// Pixels of a side of each stage's feature map.
  var sides: [Int] {
    let first = imageSize / 16
    return [first, (first + 1) / 2, ((first + 1) / 2 + 1) / 2]
  }

  package var stages: [TokenStage] {
    zip(sides, embedDims.indices).map { side, stage in
      TokenStage(
        tokens: side * side, blocks: depths[stage], width: embedDims[stage],
        heads: numHeads[stage], grid: side,
        whyNotReducible: "convolutions on either side of the attention need the whole grid")
    }
  }

  package final class Layers: ModelLayers {
    private let stem: [ConvolutionParameters]
    private let stages: [Stage]
    private let head: LinearParameters

    package init(_ a: EfficientViTM, _ layers: LayerSource) throws {
      let widths = [3] + [8, 4, 2, 1].map { a.embedDims[0] / $0 }
      stem = try (1...4).map {
        try layers.normed(
          "patch_embed.conv\($0)",
          ConvolutionExtent(inputs: widths[$0 - 1], outputs: widths[$0], kernel: 3, stride: 2))
      }
      stages = try a.embedDims.indices.map { try Stage(a, $0, layers) }
      head = try layers.linear(
        "head.linear", inputs: a.embedDims.last ?? 0, outputs: a.numClasses, inputNorm: "head.bn")
    }

    package func forward(_ pass: PassBuilder) throws -> PassMap {
      var x = try pass.images()
      for (index, layer) in stem.enumerated() {
        x = try pass.convolve(x, layer, index < 3 ? .relu : .identity)
      }
      pass.mark(-1, x)
      for (index, stage) in stages.enumerated() {
        x = try stage.forward(x, pass)
        pass.mark(index, x)
      }
      let features = try pass.mean(x)
      pass.classify(features, head)
      return features
    }
  }

  /// A depthwise convolution and a feed-forward network, each added to its input.
  private struct LocalPair {
    let depthwise: ConvolutionParameters
    let expand: ConvolutionParameters
    let project: ConvolutionParameters

    init(_ layers: LayerSource, _ depthwise: String, _ network: String, width: Int) throws {
      self.depthwise = try layers.normed("\(depthwise).m", .depthwise(width, kernel: 3))
      expand = try layers.normed("\(network).m.pw1", .pointwise(width, 2 * width))
      project = try layers.normed("\(network).m.pw2", .pointwise(2 * width, width))
    }

    func forward(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
      let local = try pass.convolve(x, depthwise, residual: x)
      let hidden = try pass.convolve(local, expand, .relu)
      return try pass.convolve(hidden, project, residual: local, into: local)
    }
  }

  private struct Downsample {
    let before: LocalPair
    let expand: ConvolutionParameters
    let depthwise: ConvolutionParameters
    let gate: SqueezeExcite
    let project: ConvolutionParameters
    let after: LocalPair

    init(_ layers: LayerSource, _ key: String, from width: Int, to next: Int) throws {
      before = try LocalPair(layers, "\(key).res1.0", "\(key).res1.1", width: width)
      let (hidden, merge) = (4 * width, "\(key).patchmerge")
      expand = try layers.normed("\(merge).conv1", .pointwise(width, hidden))
      depthwise = try layers.normed("\(merge).conv2", .depthwise(hidden, kernel: 3, stride: 2))
      gate = try SqueezeExcite(
        layers, "\(merge).se", channels: hidden,
        // A whole multiple of 8, as timm rounds it.
        reduced: max(8, (hidden / 4 + 4) / 8 * 8))
      project = try layers.normed("\(merge).conv3", .pointwise(hidden, next))
      after = try LocalPair(layers, "\(key).res2.0", "\(key).res2.1", width: next)
    }

    func forward(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
      var y = try before.forward(x, pass)
      y = try pass.convolve(y, expand, .relu)
      y = try pass.convolve(y, depthwise, .relu)
      try pass.squeezeExcite(y, gate)
      y = try pass.convolve(y, project)
      return try after.forward(y, pass)
    }
  }

  private struct Stage {
    let downsample: Downsample?
    let blocks: [(before: LocalPair, attention: CascadedAttention, after: LocalPair)]

    init(_ a: EfficientViTM, _ index: Int, _ layers: LayerSource) throws {
      let key = "stages.\(index)"
      let width = a.embedDims[index]
      downsample =
        try index == 0
        ? nil
        : Downsample(layers, "\(key).downsample", from: a.embedDims[index - 1], to: width)
      blocks = try (0..<a.depths[index]).map { block in
        let key = "\(key).blocks.\(block)"
        return (
          try LocalPair(layers, "\(key).dw0", "\(key).ffn0", width: width),
          try CascadedAttention(layers, "\(key).mixer.m.attn", a, stage: index),
          try LocalPair(layers, "\(key).dw1", "\(key).ffn1", width: width)
        )
      }
    }

    func forward(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
      var x = try downsample?.forward(x, pass) ?? x
      for block in blocks {
        x = try block.before.forward(x, pass)
        try block.attention.forward(x, pass)
        x = try block.after.forward(x, pass)
      }
      return x
    }
  }

  /// Attention whose heads see a part of the channels each, and the head before.
  private struct CascadedAttention {
    struct Head {
      let qkv: ConvolutionParameters
      let depthwise: ConvolutionParameters
      let bias: Tensor
    }

    let heads: [Head]
    let project: ConvolutionParameters
    let keyDim: Int
    let valueDim: Int
    let window: Int

    init(_ layers: LayerSource, _ key: String, _ a: EfficientViTM, stage: Int) throws {
      let (width, count, keyDim) = (a.embedDims[stage], a.numHeads[stage], a.keyDim)
      let (value, window) = (width / count, min(a.windowSize, a.sides[stage]))
      (self.keyDim, valueDim, self.window) = (keyDim, value, window)
      let tokens = window * window
      // One table of all heads in a checkpoint; a tensor for each, since they run in turn.
      let biases = try layers.attentionBiases(
        "\(key).attention_biases", [count, tokens], heads: count, tokens: tokens
      ) { head, query, other in
        let (dy, dx) = (query / window - other / window, query % window - other % window)
        return head * tokens + abs(dy) * window + abs(dx)
      }
      heads = try (0..<count).map { head in
        Head(
          qkv: try layers.normed("\(key).qkvs.\(head)", .pointwise(value, 2 * keyDim + value)),
          depthwise: try layers.normed(
            "\(key).dws.\(head)", .depthwise(keyDim, kernel: a.kernels[head])),
          bias: biases[head])
      }
      project = try layers.normed("\(key).proj.1", .pointwise(width, width))
    }

    /// Adds to `x` in place.
    func forward(_ x: PassMap, _ pass: PassBuilder) throws {
      let windows = WindowPartition(x, window)
      let input = try windows.split(x, pass)
      let all = try pass.allocate(
        height: window, width: window, channels: x.channels, batch: input.map.batch)
      for (index, head) in heads.enumerated() {
        let own = (index * valueDim)..<((index + 1) * valueDim)
        var y = input.channels(own)
        if index > 0 {
          let before = (own.lowerBound - valueDim)..<own.lowerBound
          y = try pass.add(all.channels(before), y)
        }
        y = try pass.convolve(y, head.qkv)
        let queries = try pass.convolve(y.channels(0..<keyDim), head.depthwise)
        pass.attention(
          queries: queries.heads(1, dim: keyDim), keys: y.heads(from: keyDim, 1, dim: keyDim),
          values: y.heads(from: 2 * keyDim, 1, dim: valueDim),
          scale: 1 / Float(keyDim).squareRoot(), bias: head.bias,
          into: all.heads(from: own.lowerBound, 1, dim: valueDim))
      }
      pass.activate(all, .relu)
      _ = try pass.convolve(try windows.join(all, pass), project, residual: x, into: x)
    }
  }
}

/// A feature map cut into square windows, which are then images of their own.
///
/// A side that the window does not divide is continued with zeros, as timm does.
private struct WindowPartition {
  let batch: Int
  let side: Int
  let window: Int
  let channels: Int

  init(_ map: PassMap, _ window: Int) {
    (batch, side, self.window, channels) = (map.map.batch, map.height, window, map.channels)
  }

  private var count: Int { (side + window - 1) / window }
  private var padded: Int { count * window }

  /// Windows as images, those of one column of windows together.
  func split(_ map: PassMap, _ pass: PassBuilder) throws -> PassMap {
    guard count > 1 else { return map }
    let whole = try padded == side ? map : pass.resized(map, height: padded, width: padded)
    let windows = try pass.allocate(
      height: window, width: window, channels: channels, batch: batch * count * count)
    for column in 0..<count {
      pass.copy(strip(of: whole, column), into: strip(ofWindows: windows, column))
    }
    return windows
  }

  /// The feature map again.
  func join(_ windows: PassMap, _ pass: PassBuilder) throws -> PassMap {
    guard count > 1 else { return windows }
    let whole = try pass.allocate(height: padded, width: padded, channels: channels)
    for column in 0..<count {
      pass.copy(strip(ofWindows: windows, column), into: strip(of: whole, column))
    }
    return try padded == side ? whole : pass.resized(whole, height: side, width: side)
  }

  /// The rows of pixels of one column of windows, in all images.
  private func strip(of map: PassMap, _ column: Int) -> TensorView {
    TensorView(
      map.map.tensor, offset: map.map.offset + column * window * channels, rows: batch * padded,
      width: window * channels, stride: padded * channels)
  }

  /// The same rows where they lie one after the other.
  private func strip(ofWindows map: PassMap, _ column: Int) -> TensorView {
    let rows = batch * padded
    return TensorView(
      map.map.tensor, offset: map.map.offset + column * rows * window * channels, rows: rows,
      width: window * channels, stride: window * channels)
  }
}

extension LayerSource {
  /// timm's `ConvNorm`: `key.conv` without bias, and `key.bn`.
  fileprivate func normed(
    _ key: String, _ extent: ConvolutionExtent
  ) throws -> ConvolutionParameters {
    try convolution("\(key).conv", extent, norm: "\(key).bn")
  }
}
