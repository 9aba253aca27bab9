/// ViT with AugReg weights.
///
/// Steiner et al., arXiv:2106.10270; timm `vit_*_patch16_*`.
enum AugRegViT {
  static let entries: [ModelEntry] =
    [
      ("tiny", "T", 192, 12, 3), ("small", "S", 384, 12, 6), ("base", "B", 768, 12, 12),
      ("large", "L", 1024, 24, 16),
    ].flatMap { size, letter, embedDim, depth, numHeads in
      // timm's configurations: crop 0.9 at 224, the whole image at 384.
      [(224, 0.9), (384, 1.0)].map { side, fraction in
        ModelEntry(
          name: "vit_\(size)_patch16_\(side)",
          displayName: "ViT-\(letter)/16" + (side == 224 ? "" : "@\(side)"),
          architecture: ViTArchitecture(
            imageSize: side, embedDim: embedDim, depth: depth, numHeads: numHeads),
          preprocessing: .inception(crop: side, fraction: fraction),
          source: "arXiv:2106.10270, timm vit_\(size)_patch16_\(side).augreg_in21k_ft_in1k")
      }
    }
}
