/// DeiT-III: DeiT's sizes with LayerScale, and positions of the patches alone.
///
/// Touvron et al., arXiv:2204.07118; timm `deit3_*`.
enum DeiT3 {
  static let entries: [ModelEntry] =
    [
      ("small", "S", 16, 224, 384, 12, 6), ("small", "S", 16, 384, 384, 12, 6),
      ("medium", "M", 16, 224, 512, 12, 8), ("base", "B", 16, 224, 768, 12, 12),
      ("base", "B", 16, 384, 768, 12, 12), ("large", "L", 16, 224, 1024, 24, 16),
      ("large", "L", 16, 384, 1024, 24, 16), ("huge", "H", 14, 224, 1280, 32, 16),
    ].map { size, letter, patch, side, embedDim, depth, numHeads in
      var sizes = ViTArchitecture(
        imageSize: side, patchSize: patch, embedDim: embedDim, depth: depth, numHeads: numHeads,
        layerScale: true)
      sizes.noEmbedClass = true
      let name = "deit3_\(size)_patch\(patch)_\(side)"
      return ModelEntry(
        name: name, displayName: "DeiT-III-\(letter)" + (side == 224 ? "" : "@\(side)"),
        architecture: sizes,
        // timm's configurations of the weights without ImageNet-22k: 0.9 at 224, all at 384.
        preprocessing: .imageNet(crop: side, fraction: side == 224 ? 0.9 : 1),
        source: "arXiv:2204.07118, timm \(name).fb_in1k")
    }
}
