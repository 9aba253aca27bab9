import Tensors
import TokenReduction

/// The plain vision transformer as a family: its entries, spec keys, tensors and model.
extension ViTArchitecture: ModelArchitecture {
  package static let family = "vit"

  package static var layouts: [any CheckpointLayout] {
    [HuggingFaceViTLayout(), TorchvisionViTLayout(), GoogleViTLayout(), DINOv2HubLayout()]
  }

  package static var entries: [ModelEntry] {
    DemoViT.entries + AugRegViT.entries + DeiT.entries + DeiT3.entries + DINOv2.entries
      + ViTVariants.entries
  }

  package var geometry: TokenGeometry? {
    TokenGeometry(tokens: tokens, prefixTokens: prefixTokens, depth: depth)
  }

  package var hasClassToken: Bool { classToken }
  package var poolsPatches: Bool { head != .token }

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
    let positive = ValueRule.integer(minimum: 1, maximum: nil)
    return [
      MethodParameter("image_size", positive, default: .integer(224), "image size in pixels"),
      MethodParameter("patch_size", positive, default: .integer(16), "patch size in pixels"),
      MethodParameter("embed_dim", positive, "width of a token"),
      MethodParameter("depth", positive, default: .integer(12), "blocks"),
      MethodParameter("num_heads", positive, "attention heads"),
      MethodParameter(
        "mlp_ratio", .number(minimum: 0, exclusiveMinimum: true, maximum: 64),
        default: .number(4), "hidden width over embed_dim"),
      MethodParameter(
        "hidden_dim", positive, otherwise: "from mlp_ratio", "hidden width"),
      MethodParameter(
        "mlp", .choice(MLP.allCases.map(\.rawValue)), default: .string("gelu"),
        "the feed-forward network's activation"),
      MethodParameter(
        "distilled", .boolean, default: .boolean(false), "a distillation token"),
      MethodParameter(
        "registers", .integer(minimum: 0, maximum: 1024), default: .integer(0),
        "register tokens"),
      MethodParameter("layer_scale", .boolean, default: .boolean(false), "LayerScale"),
      MethodParameter(
        "head", .choice(Head.allCases.map(\.rawValue)), default: .string("token"),
        "what the classifier reads"),
      MethodParameter("num_classes", positive, default: .integer(1000), "classes"),
      MethodParameter(
        "position_interpolation", .choice(PositionInterpolation.allCases.map(\.rawValue)),
        default: .string("timm"), "how position embeddings of another size are resized"),
      MethodParameter(
        "pretrained_image_size", positive, otherwise: "image_size",
        "image size in pixels at which the weights were trained"),
      MethodParameter(
        "class_token", .boolean, default: .boolean(true), "a class token before the patches"),
      MethodParameter(
        "no_embed_class", .boolean, otherwise: "true with registers",
        "position embeddings for patches only"),
      MethodParameter(
        "qkv_bias", .boolean, default: .boolean(true), "biases of queries, keys and values"),
      MethodParameter(
        "qk_norm", .boolean, default: .boolean(false), "norms on each head's queries and keys"),
      MethodParameter(
        "norm_pre", .boolean, default: .boolean(false),
        "a norm before the first block, and patches without a bias"),
      MethodParameter(
        "fc_norm", .boolean, otherwise: "true with the head \"patch_mean\"",
        "the last norm after the pooling"),
      MethodParameter(
        "pool_include_prefix", .boolean, default: .boolean(false),
        "prefix tokens in the pooling of \"patch_mean\" and \"attention_pool\""),
      MethodParameter(
        "norm_epsilon", .number(minimum: 0, exclusiveMinimum: true, maximum: 1),
        default: .number(1e-6), "epsilon of every norm"),
    ]
  }()

  /// Rows of `pos_embed` before the patches: timm's models of DINOv2 with registers have none.
  var positionedPrefix: Int { noEmbedClass ?? (registers > 0) ? 0 : prefixTokens }

  /// Hidden width of the attention pool's network.
  var poolMLPWidth: Int { Int(mlpRatio * Double(embedDim)) }

  /// Every tensor of timm's `VisionTransformer` with these sizes.
  package var tensors: [WeightSpecification] {
    let (c, positioned) = (embedDim, positionedPrefix)
    var list = WeightList()
    if classToken { list.add("cls_token", [1, 1, c]) }
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
      "patch_embed.proj", ConvolutionExtent(inputs: 3, outputs: c, kernel: patchSize),
      bias: !normPre)
    if normPre { list.norm("norm_pre", c) }
    for block in 0..<depth {
      let key = "blocks.\(block)"
      list.norm("\(key).norm1", c)
      list.linear("\(key).attn.qkv", inputs: c, outputs: 3 * c, bias: qkvBias)
      if qkNorm {
        list.norm("\(key).attn.q_norm", headDim)
        list.norm("\(key).attn.k_norm", headDim)
      }
      list.linear("\(key).attn.proj", inputs: c, outputs: c)
      list.norm("\(key).norm2", c)
      list.linear("\(key).mlp.fc1", inputs: c, outputs: fc1Width)
      list.linear("\(key).mlp.fc2", inputs: mlpWidth, outputs: c)
      if layerScale {
        list.add("\(key).ls1.gamma", [c], .ones)
        list.add("\(key).ls2.gamma", [c], .ones)
      }
    }
    list.norm(normalizesFeatures ? "fc_norm" : "norm", c)
    if head == .attentionPool {
      list.add("attn_pool.latent", [1, 1, c])
      list.linear("attn_pool.q", inputs: c, outputs: c)
      list.linear("attn_pool.kv", inputs: c, outputs: 2 * c)
      list.linear("attn_pool.proj", inputs: c, outputs: c)
      list.norm("attn_pool.norm", c)
      list.linear("attn_pool.mlp.fc1", inputs: c, outputs: poolMLPWidth)
      list.linear("attn_pool.mlp.fc2", inputs: poolMLPWidth, outputs: c)
    }
    list.linear("head", inputs: distilled ? c : featureDim, outputs: numClasses)
    if distilled { list.linear("head_dist", inputs: c, outputs: numClasses) }
    return list.tensors
  }
}
