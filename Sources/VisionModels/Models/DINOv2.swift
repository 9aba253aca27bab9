/// DINOv2 with and without registers, at 224 pixels, with its linear head on class token and mean
/// patch token.
///
/// Oquab et al., arXiv:2304.07193; Darcet et al., arXiv:2309.16588; timm `vit_*_patch14_dinov2`.
enum DINOv2 {
  static let entries: [ModelEntry] = [false, true].flatMap { registers in
    [
      ("small", "S", 384, 12, 6), ("base", "B", 768, 12, 12), ("large", "L", 1024, 24, 16),
      ("giant", "g", 1536, 40, 24),
    ].map { size, letter, embedDim, depth, numHeads in
      let name = "vit_\(size)_patch14" + (registers ? "_reg4" : "") + "_dinov2"
      return ModelEntry(
        name: name, displayName: "DINOv2-\(letter)" + (registers ? " reg4" : ""),
        architecture: ViTArchitecture(
          patchSize: 14, embedDim: embedDim, depth: depth, numHeads: numHeads,
          mlp: size == "giant" ? .swiglu : .gelu, registers: registers ? 4 : 0, layerScale: true,
          head: .tokenAndPatchMean, positionInterpolation: registers ? .timm : .dinov2,
          pretrainedImageSize: 518),
        // DINOv2's own evaluation: 256 and a crop of 224, which is a fraction of 0.875. At other
        // sizes timm takes the whole image, as at the 518 pixels of the training.
        preprocessing: .imageNet(crop: 224, fraction: 0.875, fractionAtOtherSizes: 1),
        source: "arXiv:2304.07193, timm \(name).lvd142m")
    }
  }
}
