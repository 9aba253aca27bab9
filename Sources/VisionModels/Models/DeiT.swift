/// DeiT, plain and distilled.
///
/// Touvron et al., arXiv:2012.12877; timm `deit_*_patch16_224`.
enum DeiT {
  static let entries: [ModelEntry] = [false, true].flatMap { distilled in
    [("tiny", "T", 192, 3), ("small", "S", 384, 6), ("base", "B", 768, 12)].map {
      size, letter, embedDim, numHeads in
      let name = "deit_\(size)" + (distilled ? "_distilled" : "") + "_patch16_224"
      return ModelEntry(
        name: name, displayName: "DeiT-\(letter)" + (distilled ? " distilled" : ""),
        architecture: ViTArchitecture(
          embedDim: embedDim, numHeads: numHeads, distilled: distilled),
        preprocessing: .imageNet(crop: 224, fraction: 0.9),
        source: "arXiv:2012.12877, timm \(name).fb_in1k")
    }
  }
}
