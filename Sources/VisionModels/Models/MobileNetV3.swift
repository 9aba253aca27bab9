import Tensors

/// MobileNetV3: inverted residuals with squeeze and excitation, found by search.
///
/// Howard et al., arXiv:1905.02244; timm `mobilenetv3_large_100`, `mobilenetv3_small_100`.
package struct MobileNetV3: LayeredArchitecture {
  package static let family = "mobilenetv3"

  package var imageSize = 224
  /// Blocks by stage, in timm's notation: `ir_r3_k5_s2_e6_c160_se0.25` is three inverted residuals
  /// of kernel 5, the first with stride 2, six times as wide inside, 160 channels, with a gate of a
  /// quarter of the width; `nre` has ReLU in place of Hardswish.
  package var blocks: [[String]]
  package var stemWidth = 16
  /// Channels before the classifier.
  package var headWidth: Int
  package var numClasses = 1000

  package enum CodingKeys: String, CodingKey {
    case blocks
    case imageSize = "image_size"
    case stemWidth = "stem_width"
    case headWidth = "head_width"
    case numClasses = "num_classes"
  }

  package static let entries: [ModelEntry] = [
    (
      "large", "L",
      MobileNetV3(
        blocks: [
          ["ds_r1_k3_s1_e1_c16_nre"], ["ir_r1_k3_s2_e4_c24_nre", "ir_r1_k3_s1_e3_c24_nre"],
          ["ir_r3_k5_s2_e3_c40_se0.25_nre"],
          ["ir_r1_k3_s2_e6_c80", "ir_r1_k3_s1_e2.5_c80", "ir_r2_k3_s1_e2.3_c80"],
          ["ir_r2_k3_s1_e6_c112_se0.25"], ["ir_r3_k5_s2_e6_c160_se0.25"],
          ["cn_r1_k1_s1_c960"],
        ], headWidth: 1280), "ra_in1k"
    ),
    (
      "small", "S",
      MobileNetV3(
        blocks: [
          ["ds_r1_k3_s2_e1_c16_se0.25_nre"],
          ["ir_r1_k3_s2_e4.5_c24_nre", "ir_r1_k3_s1_e3.67_c24_nre"],
          ["ir_r1_k5_s2_e4_c40_se0.25", "ir_r2_k5_s1_e6_c40_se0.25"],
          ["ir_r2_k5_s1_e3_c48_se0.25"], ["ir_r3_k5_s2_e6_c96_se0.25"], ["cn_r1_k1_s1_c576"],
        ], headWidth: 1024), "lamb_in1k"
    ),
  ].map { name, letter, architecture, tag in
    ModelEntry(
      name: "mobilenetv3_\(name)_100", displayName: "MobileNetV3-\(letter)",
      architecture: architecture,
      preprocessing: .imageNet(crop: 224, fraction: 0.875),
      source: "arXiv:1905.02244, timm mobilenetv3_\(name)_100.\(tag)")
  }

  package func problems() -> [(key: String, message: String)] {
    sizeProblems(multipleOf: 32, because: "the stride of the last stage")
  }

  package final class Layers: ModelLayers {
    private let stem: ConvolutionParameters
    private let stages: [[Block]]
    private let hidden: ConvolutionParameters
    private let head: LinearParameters

    package init(_ a: MobileNetV3, _ layers: LayerSource) throws {
      stem = try layers.convolution(
        "conv_stem", ConvolutionExtent(inputs: 3, outputs: a.stemWidth, kernel: 3, stride: 2),
        norm: "bn1")
      var width = a.stemWidth
      stages = try a.blocks.enumerated().map { stage, descriptions in
        let all = descriptions.flatMap { BlockDescription($0).repeated }
        return try all.enumerated().map { index, description in
          let block = try Block(layers, "blocks.\(stage).\(index)", description, from: width)
          width = description.width
          return block
        }
      }
      hidden = try layers.convolution("conv_head", .pointwise(width, a.headWidth), bias: true)
      head = try layers.linear("classifier", inputs: a.headWidth, outputs: a.numClasses)
    }

    package func forward(_ pass: PassBuilder) throws -> PassMap {
      var x = try pass.convolve(try pass.images(), stem, .hardswish)
      pass.mark(-1, x)
      for (index, stage) in stages.enumerated() {
        for block in stage { x = try block.forward(x, pass) }
        pass.mark(index, x)
      }
      let features = try pass.convolve(try pass.mean(x), hidden, .hardswish)
      pass.classify(features, head)
      return features
    }
  }

  /// One word of timm's notation.
  private struct BlockDescription {
    enum Kind { case separable, invertedResidual, convolution }

    var kind = Kind.convolution
    var repeats = 1
    var kernel = 1
    var stride = 1
    var expansion = 1.0
    var width = 1
    var gateShare = 0.0
    var activation = Activation.hardswish

    init(_ text: String) {
      let words = text.split(separator: "_")
      switch words.first {
      case "ds": kind = .separable
      case "ir": kind = .invertedResidual
      default: kind = .convolution
      }
      for word in words.dropFirst() {
        if word == "nre" {
          activation = .relu
        } else if word.hasPrefix("se") {
          gateShare = Double(word.dropFirst(2)) ?? 0
        } else if let number = Double(word.dropFirst()) {
          switch word.first {
          case "r": repeats = Int(number)
          case "k": kernel = Int(number)
          case "s": stride = Int(number)
          case "e": expansion = number
          case "c": width = Int(number)
          default: break
          }
        }
      }
    }

    /// As many blocks, of which the first alone is strided.
    var repeated: [BlockDescription] {
      (0..<repeats).map {
        var block = self
        block.stride = $0 == 0 ? stride : 1
        return block
      }
    }
  }

  private struct Block {
    /// 1×1 to the inner width; a separable convolution and a plain one have none.
    let expand: ConvolutionParameters?
    let depthwise: ConvolutionParameters?
    let gate: SqueezeExcite?
    let project: ConvolutionParameters
    let activation: Activation
    /// Of the last layer: only a plain convolution has one.
    let lastActivation: Activation
    let isResidual: Bool

    init(
      _ layers: LayerSource, _ key: String, _ block: BlockDescription, from width: Int
    ) throws {
      activation = block.activation
      isResidual = block.kind != .convolution && block.stride == 1 && width == block.width
      guard block.kind != .convolution else {
        (expand, depthwise, gate, lastActivation) = (nil, nil, nil, block.activation)
        project = try layers.convolution(
          "\(key).conv",
          ConvolutionExtent(
            inputs: width, outputs: block.width, kernel: block.kernel, stride: block.stride),
          norm: "\(key).bn1")
        return
      }
      lastActivation = .identity
      let isInverted = block.kind == .invertedResidual
      let hidden = isInverted ? Self.divisible(Double(width) * block.expansion) : width
      expand =
        try isInverted
        ? layers.convolution("\(key).conv_pw", .pointwise(width, hidden), norm: "\(key).bn1")
        : nil
      depthwise = try layers.convolution(
        "\(key).conv_dw", .depthwise(hidden, kernel: block.kernel, stride: block.stride),
        norm: isInverted ? "\(key).bn2" : "\(key).bn1")
      gate =
        try block.gateShare == 0
        ? nil
        : SqueezeExcite(
          layers, "\(key).se", channels: hidden,
          reduced: Self.divisible(Double(hidden) * block.gateShare),
          names: ("conv_reduce", "conv_expand"), gate: .hardsigmoid)
      project = try layers.convolution(
        isInverted ? "\(key).conv_pwl" : "\(key).conv_pw", .pointwise(hidden, block.width),
        norm: isInverted ? "\(key).bn3" : "\(key).bn2")
    }

    /// The nearest multiple of 8 that is not a tenth below: timm's `make_divisible`.
    private static func divisible(_ value: Double) -> Int {
      let nearest = max(8, Int(value + 4) / 8 * 8)
      return Double(nearest) < 0.9 * value ? nearest + 8 : nearest
    }

    func forward(_ x: PassMap, _ pass: PassBuilder) throws -> PassMap {
      var y = try expand.map { try pass.convolve(x, $0, activation) } ?? x
      if let depthwise { y = try pass.convolve(y, depthwise, activation) }
      if let gate { try pass.squeezeExcite(y, gate) }
      return try pass.convolve(y, project, lastActivation, residual: isResidual ? x : nil)
    }
  }
}
