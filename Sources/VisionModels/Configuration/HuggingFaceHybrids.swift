import Records

// The sizes of `SwinConfig`, `ConvNextConfig` and `MobileViTConfig`.
// Source: transformers 5.24, models/swin, convnext and mobilevit, `configuration_*.py`.

extension Swin {
  package static func huggingFace(
    _ given: HuggingFaceSizes
  ) throws(ConfigurationError) -> any ModelArchitecture {
    let reader = given.reader
    try given.check("patch_size", is: [.integer(4)])
    try given.check("mlp_ratio", is: [.integer(4), .number(4)])
    try given.check("qkv_bias", is: [.boolean(true)])
    try given.check("hidden_act", is: [.string("gelu")])
    try given.check("use_absolute_embeddings", is: [.boolean(false)])
    try given.check("layer_norm_eps", is: [.number(1e-5)])
    let depths = try reader.integers("depths") ?? [2, 2, 6, 2]
    let heads = try reader.integers("num_heads") ?? [3, 6, 12, 24]
    let width = try reader.required("embed_dim", default: 96)
    guard depths.count == heads.count, depths.count <= 6 else {
      throw reader.wrong(
        "it has \(depths.count) \"depths\" and \(heads.count) \"num_heads\"; as many of both, and "
          + "at most six, are known")
    }
    guard heads.enumerated().allSatisfy({ (width << $0) % $1 == 0 }), width <= 4096 else {
      throw reader.wrong("its \"num_heads\" do not divide the widths of its stages")
    }
    var sizes = Swin(embedDim: width, depths: depths, numHeads: heads)
    sizes.windowSize = try reader.required("window_size", default: 7)
    sizes.imageSize = given.imageSize
    sizes.numClasses = given.classes
    return sizes
  }
}

extension ConvNeXt {
  package static func huggingFace(
    _ given: HuggingFaceSizes
  ) throws(ConfigurationError) -> any ModelArchitecture {
    let reader = given.reader
    try given.check("patch_size", is: [.integer(4)])
    try given.check("hidden_act", is: [.string("gelu")])
    if let scale = reader.number("layer_scale_init_value"), scale <= 0 {
      throw reader.wrong("its blocks have no scale (\"layer_scale_init_value\"), which is not read")
    }
    let depths = try reader.integers("depths") ?? [3, 3, 9, 3]
    let dims = try reader.integers("hidden_sizes") ?? [96, 192, 384, 768]
    guard depths.count == 4, dims.count == 4 else {
      throw reader.wrong(
        "it has \(depths.count) \"depths\" and \(dims.count) \"hidden_sizes\"; four stages are known"
      )
    }
    var sizes = ConvNeXt(dims: dims, depths: depths)
    sizes.imageSize = given.imageSize
    sizes.numClasses = given.classes
    return sizes
  }
}

extension MobileViT {
  package static func huggingFace(
    _ given: HuggingFaceSizes
  ) throws(ConfigurationError) -> any ModelArchitecture {
    let reader = given.reader
    try given.check("hidden_act", is: [.string("silu")])
    try given.check("num_attention_heads", is: [.integer(4)])
    try given.check("patch_size", is: [.integer(2)])
    try given.check("mlp_ratio", is: [.integer(2), .number(2)])
    try given.check("conv_kernel_size", is: [.integer(3)])
    try given.check("output_stride", is: [.integer(32)])
    try given.check("qkv_bias", is: [.boolean(true)])
    let necks = try reader.integers("neck_hidden_sizes") ?? [16, 32, 64, 96, 128, 160, 640]
    let dims = try reader.integers("hidden_sizes") ?? [144, 192, 240]
    let expansion = reader.number("expand_ratio") ?? 4
    guard necks.count == 7, dims.count == 3 else {
      throw reader.wrong(
        "its \"neck_hidden_sizes\" are not seven, or its \"hidden_sizes\" not three")
    }
    guard dims.allSatisfy({ $0 % 4 == 0 }) else {
      throw reader.wrong("its four heads do not divide its \"hidden_sizes\"")
    }
    guard (1...64).contains(expansion), expansion == expansion.rounded() else {
      throw reader.wrong("its \"expand_ratio\" is \(expansion), and whole numbers are known")
    }
    var sizes = MobileViT(
      widths: Array(necks[1..<6]), transformerDims: dims, transformerDepths: [2, 4, 3],
      expansion: Int(expansion), headWidth: necks[6])
    sizes.stemWidth = necks[0]
    sizes.imageSize = given.imageSize
    sizes.numClasses = given.classes
    return sizes
  }
}
