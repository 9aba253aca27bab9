import Records

extension ViTArchitecture {
  package static let huggingFaceTypes = ["vit", "deit", "dinov2", "dinov2_with_registers"]

  /// The sizes of `ViTConfig`, `DeiTConfig`, `Dinov2Config` and `Dinov2WithRegistersConfig`.
  ///
  /// Source: transformers 5.24, models/vit, deit, dinov2, dinov2_with_registers.
  package static func huggingFace(
    _ given: HuggingFaceSizes
  ) throws(ConfigurationError) -> any ModelArchitecture {
    let reader = given.reader
    try given.check("hidden_act", is: [.string("gelu")])
    try given.check("num_channels", is: [.integer(3)])
    let isDINOv2 = given.type.hasPrefix("dinov2")
    let isDistilled = given.head == "DeiTForImageClassificationWithTeacher"
    // As people fine-tune it: the distillation token is there, and no classifier reads it.
    let hasUnreadToken = given.head == "DeiTForImageClassification"
    if given.type == "deit", !isDistilled, !hasUnreadToken {
      throw reader.wrong(
        "it is of \(given.head ?? "DeiTModel"), which classifies nothing; "
          + "DeiTForImageClassificationWithTeacher and DeiTForImageClassification are known")
    }
    let width = try reader.required("hidden_size")
    let ratio = isDINOv2 ? reader.number("mlp_ratio") ?? 4 : 4
    var sizes = ViTArchitecture(
      imageSize: given.imageSize, patchSize: reader.integer("patch_size") ?? (isDINOv2 ? 14 : 16),
      embedDim: width, depth: try reader.required("num_hidden_layers"),
      numHeads: try reader.required("num_attention_heads"), mlpRatio: ratio,
      mlp: reader.boolean("use_swiglu_ffn") == true ? .swiglu : .gelu, distilled: isDistilled,
      registers: given.type == "dinov2_with_registers"
        ? reader.integer("num_register_tokens") ?? 4 : 0,
      layerScale: isDINOv2, head: isDINOv2 ? .tokenAndPatchMean : .token,
      numClasses: given.classes,
      // Registers came with antialiased positions, as timm has them.
      positionInterpolation: given.type == "dinov2_with_registers" ? .timm : .huggingFace,
      pretrainedImageSize: given.trainedSide == given.imageSize ? nil : given.trainedSide)
    if !isDINOv2, let hidden = reader.integer("intermediate_size"), hidden != 4 * width {
      sizes.hiddenDim = hidden
    }
    if hasUnreadToken { (sizes.registers, sizes.noEmbedClass) = (1, false) }
    sizes.qkvBias = reader.boolean("qkv_bias") ?? true
    sizes.normEpsilon = reader.number("layer_norm_eps") ?? (isDINOv2 ? 1e-6 : 1e-12)
    return sizes
  }
}
