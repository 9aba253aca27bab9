/// The sizes of a plain vision transformer; the keys are those of a spec's `architecture`.
package struct ViTArchitecture: Hashable, Sendable {
  package enum MLP: String, Codable, CaseIterable, Hashable, Sendable { case gelu, swiglu }

  /// What the classifier reads.
  package enum Head: String, Codable, CaseIterable, Hashable, Sendable {
    /// The class token; with distillation the mean of two classifiers.
    case token
    /// The class token concatenated with the mean patch token (DINOv2's linear head).
    case tokenAndPatchMean = "token_and_patch_mean"
    /// The class tokens of the last four blocks concatenated with the mean patch token (DINOv2's
    /// larger head).
    case lastTokensAndPatchMean = "last_four_tokens_and_patch_mean"
    /// The mean patch token.
    case patchMean = "patch_mean"
    /// One learned query that attends to the tokens (`map` in timm).
    case attentionPool = "attention_pool"
  }

  /// How a checkpoint's position embedding is brought to another grid.
  package enum PositionInterpolation: String, Codable, CaseIterable, Hashable, Sendable {
    /// Antialiased bicubic, as timm's `resample_abs_pos_embed`.
    case timm
    /// Bicubic without antialias, scale offset 0.1, as DINOv2 without registers.
    case dinov2
    /// Bicubic without antialias, as Hugging Face's models without registers.
    case huggingFace = "hugging_face"
  }

  package var imageSize: Int
  package var patchSize: Int
  package var embedDim: Int
  package var depth: Int
  package var numHeads: Int
  /// Hidden width of the feed-forward network over `embedDim`.
  ///
  /// For `swiglu` the width of one of its two halves is `⌊2/3 · ratio · embedDim⌋` rounded up to a
  /// multiple of 8, as DINOv2 does; `hiddenDim` overrides both.
  package var mlpRatio: Double
  package var hiddenDim: Int?
  package var mlp: MLP
  package var distilled: Bool
  package var registers: Int
  package var layerScale: Bool
  package var head: Head
  package var numClasses: Int
  package var positionInterpolation: PositionInterpolation
  /// Side of the checkpoint's image, where it differs: 518 for DINOv2.
  package var pretrainedImageSize: Int?
  /// Whether a class token leads the sequence.
  package var classToken = true
  /// Whether positions are learned for patches alone; `nil` where there are registers.
  package var noEmbedClass: Bool?
  package var qkvBias = true
  /// Whether each head's queries and keys are normalized before they meet.
  package var qkNorm = false
  /// Whether the embedded tokens are normalized before block 0, and patches have no bias.
  package var normPre = false
  /// Whether the last norm comes after pooling instead of before; `nil` with a mean alone.
  package var fcNorm: Bool?
  /// Whether pooling takes the prefix tokens in.
  package var poolIncludePrefix = false
  /// LayerNorm's epsilon everywhere.
  package var normEpsilon = 1e-6

  package init(
    imageSize: Int = 224, patchSize: Int = 16, embedDim: Int, depth: Int = 12, numHeads: Int,
    mlpRatio: Double = 4, hiddenDim: Int? = nil, mlp: MLP = .gelu, distilled: Bool = false,
    registers: Int = 0, layerScale: Bool = false, head: Head = .token, numClasses: Int = 1000,
    positionInterpolation: PositionInterpolation = .timm, pretrainedImageSize: Int? = nil
  ) {
    self.imageSize = imageSize
    self.patchSize = patchSize
    self.embedDim = embedDim
    self.depth = depth
    self.numHeads = numHeads
    self.mlpRatio = mlpRatio
    self.hiddenDim = hiddenDim
    self.mlp = mlp
    self.distilled = distilled
    self.registers = registers
    self.layerScale = layerScale
    self.head = head
    self.numClasses = numClasses
    self.positionInterpolation = positionInterpolation
    self.pretrainedImageSize = pretrainedImageSize
  }
}

extension ViTArchitecture {
  /// Patches along one side.
  package var grid: Int { imageSize / patchSize }
  package var patches: Int { grid * grid }
  /// Class, distillation and register tokens.
  package var prefixTokens: Int { (classToken ? 1 : 0) + (distilled ? 1 : 0) + registers }
  /// Tokens that enter block 0.
  package var tokens: Int { patches + prefixTokens }
  package var headDim: Int { embedDim / numHeads }

  /// Width that fc2 reads.
  package var mlpWidth: Int {
    if let hiddenDim { return hiddenDim }
    let hidden = Int(mlpRatio * Double(embedDim))
    return mlp == .gelu ? hidden : (hidden * 2 / 3 + 7) / 8 * 8
  }

  /// Width that fc1 gives: twice `mlpWidth` with a gate.
  package var fc1Width: Int { mlp == .swiglu ? 2 * mlpWidth : mlpWidth }

  /// Numbers that the classifier reads.
  package var featureDim: Int {
    switch head {
    case .token: distilled ? 2 * embedDim : embedDim
    case .tokenAndPatchMean: 2 * embedDim
    case .lastTokensAndPatchMean: (Self.lastBlocks + 1) * embedDim
    case .patchMean, .attentionPool: embedDim
    }
  }

  /// Blocks whose class tokens DINOv2's larger head reads.
  static let lastBlocks = 4

  /// Whether the last norm is that of the pooled features.
  var normalizesFeatures: Bool { fcNorm ?? (head == .patchMean) }

  /// Everything that makes these sizes impossible, as (key, sentence); empty when they can be
  /// built.
  package func problems() -> [(key: String, message: String)] {
    var problems: [(key: String, message: String)] = []
    func check(_ holds: Bool, _ key: CodingKeys, _ message: String) {
      if !holds { problems.append((key.stringValue, message)) }
    }
    // Each group computes only with values that the groups before have found possible.
    checkRanges(check)
    if problems.isEmpty { checkCombinations(check) }
    if problems.isEmpty { checkCost(check) }
    return problems
  }

  /// Reports `message` for a key unless a condition holds.
  private typealias Check = (_ holds: Bool, _ key: CodingKeys, _ message: String) -> Void

  private func checkRanges(_ check: Check) {
    // Far above any published model, and low enough that no product of them overflows.
    for (key, value, maximum) in [
      (CodingKeys.imageSize, imageSize, 8192), (.patchSize, patchSize, 8192),
      (.embedDim, embedDim, 65_536), (.depth, depth, 1024), (.numHeads, numHeads, 4096),
      (.numClasses, numClasses, 1_000_000), (.hiddenDim, hiddenDim ?? 1, 1_048_576),
    ] {
      check(
        (1...maximum).contains(value), key,
        "\(value) is out of range; it must be a whole number from 1 to \(maximum)")
    }
  }

  private func checkCombinations(_ check: Check) {
    check(
      imageSize % patchSize == 0, .imageSize,
      "\(imageSize) is not a multiple of the patch size \(patchSize)")
    check(
      embedDim % numHeads == 0, .embedDim,
      "\(embedDim) is not a multiple of the \(numHeads) heads")
    check(
      mlpRatio > 0 && mlpRatio <= 64, .mlpRatio,
      "\(mlpRatio) is out of range; it must be above 0, up to 64")
    check(
      (0...1024).contains(registers), .registers,
      "\(registers) is out of range; it must be from 0 to 1024")
    check(
      !distilled || head == .token && classToken, .head,
      "\"\(head.rawValue)\" does not go with \"distilled\": true")
    check(
      classToken || head == .patchMean || head == .attentionPool, .head,
      "\"\(head.rawValue)\" reads the class token, and \"class_token\" is false")
    check(
      head != .lastTokensAndPatchMean || depth >= Self.lastBlocks, .head,
      "\"\(head.rawValue)\" reads four blocks, and \"depth\" is \(depth)")
    check(
      fcNorm == nil || head == .token && !distilled || head == .patchMean, .fcNorm,
      "a norm behind the pooling goes with the heads \"token\" and \"patch_mean\"")
    check(
      normEpsilon > 0 && normEpsilon < 1, .normEpsilon,
      "\(normEpsilon) is out of range; it must be above 0, below 1")
    if let side = pretrainedImageSize {
      check(
        (patchSize...8192).contains(side) && side % patchSize == 0, .pretrainedImageSize,
        "\(side) is not a multiple of the patch size \(patchSize) up to 8192")
    }
  }

  private func checkCost(_ check: Check) {
    check(
      mlpWidth >= 1, .mlpRatio,
      "\(mlpRatio) of an embedding of \(embedDim) is a feed-forward network of width 0; it must give "
        + "at least 1")
    check(
      patches <= Self.maxPatches, .patchSize,
      "\(patchSize) makes \(patches) patches of an image of \(imageSize); there may be up to "
        + "\(Self.maxPatches)")
    guard mlpWidth >= 1, patches <= Self.maxPatches else { return }
    check(
      multiplyAdds <= Self.maxMultiplyAdds, .depth,
      "\(depth) blocks of these sizes need more than 10^16 multiply-adds an image; choose smaller sizes"
    )
  }

  /// 256 along each side: an image of 4096 pixels in patches of 16.
  private static let maxPatches = 65_536
  /// A thousand times what the largest published model needs, and far from what overflows an
  /// integer.
  private static let maxMultiplyAdds = 1e16

  /// Of an image without token reduction, in numbers that cannot overflow.
  private var multiplyAdds: Double {
    let (tokens, c) = (Double(tokens), Double(embedDim))
    let perToken = 4 * c * c + 2 * tokens * c + c * (Double(fc1Width) + Double(mlpWidth))
    return Double(depth) * tokens * perToken + Double(patches) * 3 * c
      * Double(patchSize * patchSize)
  }
}
