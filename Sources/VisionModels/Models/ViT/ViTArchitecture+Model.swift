import Tensors
import TokenReduction

/// The plain vision transformer as a family: its entries, spec keys, tensors and model.
extension ViTArchitecture: ModelArchitecture {
  package static let family = "vit"

  package static var layouts: [any CheckpointLayout] {
    [HuggingFaceViTLayout(), TorchvisionViTLayout(), GoogleViTLayout(), DINOv2HubLayout()]
  }

  package static var entries: [ModelEntry] {
    DemoViT.entries + AugRegViT.entries + DeiT.entries + DINOv2.entries
  }

  package var geometry: TokenGeometry? {
    TokenGeometry(tokens: tokens, prefixTokens: prefixTokens, depth: depth)
  }

  package var stages: [TokenStage] {
    [
      TokenStage(
        tokens: tokens, prefixTokens: prefixTokens, blocks: depth, width: embedDim,
        heads: numHeads, grid: grid)
    ]
  }

  package func makeModel(_ loader: WeightLoader) throws -> any VisionModel {
    try VisionTransformer(self, loader)
  }

  package static let parameters: [MethodParameter] = {
    let positive = MethodParameter.Kind.integer(minimum: 1, maximum: nil)
    return [
      MethodParameter("image_size", positive, default: .integer(224), "pixels of a side"),
      MethodParameter("patch_size", positive, default: .integer(16), "pixels of a patch's side"),
      MethodParameter("embed_dim", positive, "width of a token"),
      MethodParameter("depth", positive, default: .integer(12), "blocks"),
      MethodParameter("num_heads", positive, "attention heads"),
      MethodParameter(
        "mlp_ratio", .number(minimum: 0, exclusiveMinimum: true, maximum: 64),
        default: .number(4), "hidden width over embed_dim"),
      MethodParameter(
        "hidden_dim", positive, otherwise: "from mlp_ratio", "hidden width itself"),
      MethodParameter(
        "mlp", .choice(MLP.allCases.map(\.rawValue)), default: .string("gelu"),
        "the feed-forward network's activation"),
      MethodParameter(
        "distilled", .boolean, default: .boolean(false), "a distillation token"),
      MethodParameter(
        "registers", .integer(minimum: 0, maximum: 1024), default: .integer(0),
        "register tokens"),
      MethodParameter("layer_scale", .boolean, default: .boolean(false), "scaled residuals"),
      MethodParameter(
        "head", .choice(Head.allCases.map(\.rawValue)), default: .string("token"),
        "what the classifier reads"),
      MethodParameter("num_classes", positive, default: .integer(1000), "classes"),
      MethodParameter(
        "position_interpolation", .choice(PositionInterpolation.allCases.map(\.rawValue)),
        default: .string("timm"), "how position embeddings of another size are fitted"),
      MethodParameter(
        "pretrained_image_size", positive, otherwise: "image_size",
        "pixels of a side where the weights were trained"),
    ]
  }()

  /// Rows of `pos_embed` before the patches: timm's register models have none.
  var positionedPrefix: Int { registers > 0 ? 0 : prefixTokens }

  /// Every tensor of timm's `VisionTransformer` with these sizes.
  package var tensors: [WeightSpecification] {
    let (c, positioned) = (embedDim, positionedPrefix)
    var list = WeightList()
    list.add("cls_token", [1, 1, c])
    if distilled { list.add("dist_token", [1, 1, c]) }
    if registers > 0 { list.add("reg_token", [1, registers, c]) }
    // Another square grid is interpolated.
    list.add("pos_embed", [1, positioned + patches, c]) { shape in
      guard shape.count == 3, shape[0] == 1, shape[2] == c else { return false }
      let patches = shape[1] - positioned
      let side = Int(Double(max(0, patches)).squareRoot().rounded())
      return side > 0 && side * side == patches
    }
    list.convolution(
      "patch_embed.proj", ConvolutionExtent(inputs: 3, outputs: c, kernel: patchSize))
    for block in 0..<depth {
      let key = "blocks.\(block)"
      list.norm("\(key).norm1", c)
      list.linear("\(key).attn.qkv", inputs: c, outputs: 3 * c)
      list.linear("\(key).attn.proj", inputs: c, outputs: c)
      list.norm("\(key).norm2", c)
      list.linear("\(key).mlp.fc1", inputs: c, outputs: fc1Width)
      list.linear("\(key).mlp.fc2", inputs: mlpWidth, outputs: c)
      if layerScale {
        list.add("\(key).ls1.gamma", [c], .ones)
        list.add("\(key).ls2.gamma", [c], .ones)
      }
    }
    list.norm("norm", c)
    list.linear("head", inputs: distilled ? c : featureDim, outputs: numClasses)
    if distilled { list.linear("head_dist", inputs: c, outputs: numClasses) }
    return list.tensors
  }
}
