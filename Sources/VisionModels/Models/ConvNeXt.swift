import Tensors

/// ConvNeXt: stages of depthwise 7×7 convolutions, each with a feed-forward network after a
/// LayerNorm.
///
/// Liu et al., arXiv:2201.03545; timm `convnext_tiny`, `convnext_small`, `convnext_base`.
package struct ConvNeXt: LayeredArchitecture {
  package static let family = "convnext"
  package static var layouts: [any CheckpointLayout] {
    [HuggingFaceConvNeXtLayout(), FacebookConvNeXtLayout()]
  }
  package static let huggingFaceTypes = ["convnext"]

  package var imageSize = 224
  package var dims: [Int]
  package var depths: [Int]
  package var numClasses = 1000

  package enum CodingKeys: String, CodingKey {
    case dims, depths
    case imageSize = "image_size"
    case numClasses = "num_classes"
  }

  package static let entries: [ModelEntry] = [
    ("tiny", "T", [96, 192, 384, 768], 9), ("small", "S", [96, 192, 384, 768], 27),
    ("base", "B", [128, 256, 512, 1024], 27),
  ].map { name, letter, dims, depth in
    ModelEntry(
      name: "convnext_\(name)", displayName: "ConvNeXt-\(letter)",
      architecture: ConvNeXt(dims: dims, depths: [3, 3, depth, 3]),
      preprocessing: .imageNet(crop: 224, fraction: 0.875),
      source: "arXiv:2201.03545, timm convnext_\(name).fb_in1k")
  }

  package func problems() -> [(key: String, message: String)] {
    sizeProblems(multipleOf: 32, because: "the stride of the last stage")
  }

  package final class Layers: ModelLayers {
    private let stem: (patches: LinearParameters, norm: LayerNormParameters)
    private let stages: [Stage]
    private let head: (norm: LayerNormParameters, classes: LinearParameters)

    package init(_ a: ConvNeXt, _ layers: LayerSource) throws {
      stem = (
        try layers.linear("stem.0", inputs: 48, outputs: a.dims[0], kernel: 4),
        try layers.layerNorm("stem.1", a.dims[0], epsilon: epsilon)
      )
      stages = try a.dims.indices.map { try Stage(a, $0, layers) }
      let width = a.dims.last ?? 0
      head = (
        try layers.layerNorm("head.norm", width, epsilon: epsilon),
        try layers.linear("head.fc", inputs: width, outputs: a.numClasses)
      )
    }

    package func forward(_ pass: PassBuilder) throws -> PassMap {
      var x = try pass.linear(try pass.images(patch: 4), stem.patches)
      x = try pass.layerNorm(x, stem.norm)
      pass.mark(-1, x)
      for (index, stage) in stages.enumerated() {
        x = try stage.forward(x, pass)
        pass.mark(index, x)
      }
      let features = try pass.layerNorm(try pass.mean(x), head.norm)
      pass.classify(features, head.classes)
      return features
    }
  }

  private struct Stage {
    let downsample: (norm: LayerNormParameters, convolution: ConvolutionParameters)?
    let blocks: [Block]

    init(_ a: ConvNeXt, _ index: Int, _ layers: LayerSource) throws {
      let (key, width) = ("stages.\(index)", a.dims[index])
      if index > 0 {
        let before = a.dims[index - 1]
        downsample = (
          try layers.layerNorm("\(key).downsample.0", before, epsilon: epsilon),
          try layers.convolution(
            "\(key).downsample.1",
            ConvolutionExtent(inputs: before, outputs: width, kernel: 2, stride: 2, padding: 0),
            bias: true)
        )
      } else {
        downsample = nil
      }
      blocks = try (0..<a.depths[index]).map {
        try Block(layers, "\(key).blocks.\($0)", width: width)
      }
    }

    func forward(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
      var x = x
      if let downsample {
        x = try pass.convolve(try pass.layerNorm(x, downsample.norm), downsample.convolution)
      }
      for block in blocks { try block.forward(x, pass) }
      return x
    }
  }

  private struct Block {
    let depthwise: ConvolutionParameters
    let feedForward: FeedForwardParameters

    init(_ layers: LayerSource, _ key: String, width: Int) throws {
      depthwise = try layers.convolution(
        "\(key).conv_dw", .depthwise(width, kernel: 7), bias: true)
      feedForward = FeedForwardParameters(
        norm: try layers.layerNorm("\(key).norm", width, epsilon: epsilon),
        fc1: try layers.linear("\(key).mlp.fc1", inputs: width, outputs: 4 * width),
        activation: .gelu,
        fc2: try layers.linear(
          "\(key).mlp.fc2", inputs: 4 * width, outputs: width, scale: "\(key).gamma"))
    }

    /// Adds to `x` in place.
    func forward(_ x: PassMap, _ pass: PassBuilder) throws {
      pass.feedForward(try pass.convolve(x, depthwise), feedForward, onto: x)
    }
  }
}

private let epsilon: Float = 1e-6
