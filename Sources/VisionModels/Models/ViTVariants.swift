import Records

/// Vision transformers of timm that differ from ViT in a part: other patches, no class token, a
/// norm before the blocks.
enum ViTVariants {
  static let entries: [ModelEntry] = patches + means + clip + tests

  /// AugReg with patches of 8 and 32.
  ///
  /// Steiner et al., arXiv:2106.10270.
  private static let patches: [ModelEntry] = [
    ("small", "S", 32, 224, 384, 6), ("small", "S", 32, 384, 384, 6),
    ("base", "B", 32, 224, 768, 12), ("base", "B", 32, 384, 768, 12),
    ("base", "B", 8, 224, 768, 12),
  ].map { size, letter, patch, side, embedDim, numHeads in
    let name = "vit_\(size)_patch\(patch)_\(side)"
    return ModelEntry(
      name: name, displayName: "ViT-\(letter)/\(patch)" + (side == 224 ? "" : "@\(side)"),
      architecture: ViTArchitecture(
        imageSize: side, patchSize: patch, embedDim: embedDim, numHeads: numHeads),
      preprocessing: .inception(crop: side, fraction: side == 224 ? 0.9 : 1),
      source: "arXiv:2106.10270, timm \(name).augreg_in21k_ft_in1k")
  }

  /// Registers, no class token, and the mean patch as features.
  private static let means: [ModelEntry] = [
    ("little", 320, 14, 5, 1792), ("medium", 512, 12, 8, 2048), ("betwixt", 640, 12, 10, 2560),
  ].map { size, embedDim, depth, numHeads, hidden in
    var sizes = ViTArchitecture(
      imageSize: 256, embedDim: embedDim, depth: depth, numHeads: numHeads, hiddenDim: hidden,
      registers: 4, layerScale: true, head: .patchMean)
    sizes.classToken = false
    let name = "vit_\(size)_patch16_reg4_gap_256"
    return ModelEntry(
      name: name, displayName: "ViT-\(size) reg4", architecture: sizes,
      preprocessing: .inception(crop: 256, fraction: 0.95), source: "timm \(name)")
  }

  /// CLIP's image towers, fine-tuned on ImageNet.
  ///
  /// Radford et al., arXiv:2103.00020; weights of LAION.
  private static let clip: [ModelEntry] = [(16, 0.95), (32, 0.9)].map { patch, fraction in
    var sizes = ViTArchitecture(patchSize: patch, embedDim: 768, numHeads: 12)
    sizes.normPre = true
    sizes.normEpsilon = 1e-5
    let name = "vit_base_patch\(patch)_clip_224"
    return ModelEntry(
      name: name, displayName: "CLIP-B/\(patch)", architecture: sizes,
      preprocessing: Preprocessing(
        resize: Int(224 / fraction), crop: 224, mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
        std: [0.268_629_54, 0.261_302_58, 0.275_777_11]),
      source: "arXiv:2103.00020, timm \(name).laion2b_ft_in12k_in1k")
  }

  /// timm's smallest trained models: a class token, the mean patch, an attention pool.
  private static let tests: [ModelEntry] = {
    let plain = ViTArchitecture(imageSize: 160, embedDim: 64, depth: 6, numHeads: 2, mlpRatio: 3)
    var mean = ViTArchitecture(
      imageSize: 160, embedDim: 64, depth: 8, numHeads: 2, mlpRatio: 3, registers: 1,
      layerScale: true, head: .patchMean)
    var pool = ViTArchitecture(
      imageSize: 160, embedDim: 96, depth: 9, numHeads: 3, mlpRatio: 2, registers: 1,
      layerScale: true, head: .attentionPool)
    pool.poolIncludePrefix = true
    (mean.classToken, pool.classToken) = (false, false)
    // Their register has a position.
    (mean.noEmbedClass, pool.noEmbedClass) = (false, false)
    return [("test_vit", plain), ("test_vit2", mean), ("test_vit3", pool)].map { name, sizes in
      ModelEntry(
        name: name, displayName: name, architecture: sizes,
        preprocessing: .inception(crop: 160, fraction: 0.95), source: "timm \(name).r160_in1k")
    }
  }()
}
