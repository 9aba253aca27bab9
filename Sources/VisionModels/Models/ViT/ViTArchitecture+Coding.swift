/// The sizes as a spec and a record spell them.
extension ViTArchitecture: Codable {
  package enum CodingKeys: String, CodingKey, CaseIterable {
    case depth, mlp, distilled, registers, head
    case imageSize = "image_size"
    case patchSize = "patch_size"
    case embedDim = "embed_dim"
    case numHeads = "num_heads"
    case mlpRatio = "mlp_ratio"
    case hiddenDim = "hidden_dim"
    case layerScale = "layer_scale"
    case numClasses = "num_classes"
    case positionInterpolation = "position_interpolation"
    case pretrainedImageSize = "pretrained_image_size"
    case classToken = "class_token"
    case noEmbedClass = "no_embed_class"
    case qkvBias = "qkv_bias"
    case qkNorm = "qk_norm"
    case normPre = "norm_pre"
    case fcNorm = "fc_norm"
    case poolIncludePrefix = "pool_include_prefix"
    case normEpsilon = "norm_epsilon"
  }

  /// Decodes with the defaults of `init`; `embed_dim` and `num_heads` must be there.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    func value<T: Decodable>(_ key: CodingKeys, or standard: T) throws -> T {
      try values.decodeIfPresent(T.self, forKey: key) ?? standard
    }
    self.init(
      imageSize: try value(.imageSize, or: 224), patchSize: try value(.patchSize, or: 16),
      embedDim: try values.decode(Int.self, forKey: .embedDim),
      depth: try value(.depth, or: 12), numHeads: try values.decode(Int.self, forKey: .numHeads),
      mlpRatio: try value(.mlpRatio, or: 4),
      hiddenDim: try values.decodeIfPresent(Int.self, forKey: .hiddenDim),
      mlp: try value(.mlp, or: .gelu), distilled: try value(.distilled, or: false),
      registers: try value(.registers, or: 0), layerScale: try value(.layerScale, or: false),
      head: try value(.head, or: .token), numClasses: try value(.numClasses, or: 1000),
      positionInterpolation: try value(.positionInterpolation, or: .timm),
      pretrainedImageSize: try values.decodeIfPresent(Int.self, forKey: .pretrainedImageSize))
    classToken = try value(.classToken, or: classToken)
    noEmbedClass = try values.decodeIfPresent(Bool.self, forKey: .noEmbedClass)
    qkvBias = try value(.qkvBias, or: qkvBias)
    qkNorm = try value(.qkNorm, or: qkNorm)
    normPre = try value(.normPre, or: normPre)
    fcNorm = try values.decodeIfPresent(Bool.self, forKey: .fcNorm)
    poolIncludePrefix = try value(.poolIncludePrefix, or: poolIncludePrefix)
    normEpsilon = try value(.normEpsilon, or: normEpsilon)
  }

  /// Encodes the parts that few models have only where they do, so that records of the others
  /// keep their keys.
  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(imageSize, forKey: .imageSize)
    try values.encode(patchSize, forKey: .patchSize)
    try values.encode(embedDim, forKey: .embedDim)
    try values.encode(depth, forKey: .depth)
    try values.encode(numHeads, forKey: .numHeads)
    try values.encode(mlpRatio, forKey: .mlpRatio)
    try values.encodeIfPresent(hiddenDim, forKey: .hiddenDim)
    try values.encode(mlp, forKey: .mlp)
    try values.encode(distilled, forKey: .distilled)
    try values.encode(registers, forKey: .registers)
    try values.encode(layerScale, forKey: .layerScale)
    try values.encode(head, forKey: .head)
    try values.encode(numClasses, forKey: .numClasses)
    try values.encode(positionInterpolation, forKey: .positionInterpolation)
    try values.encodeIfPresent(pretrainedImageSize, forKey: .pretrainedImageSize)
    try values.encodeIfPresent(noEmbedClass, forKey: .noEmbedClass)
    try values.encodeIfPresent(fcNorm, forKey: .fcNorm)
    if !classToken { try values.encode(false, forKey: .classToken) }
    if !qkvBias { try values.encode(false, forKey: .qkvBias) }
    if qkNorm { try values.encode(true, forKey: .qkNorm) }
    if normPre { try values.encode(true, forKey: .normPre) }
    if poolIncludePrefix { try values.encode(true, forKey: .poolIncludePrefix) }
    if normEpsilon != 1e-6 { try values.encode(normEpsilon, forKey: .normEpsilon) }
  }
}
