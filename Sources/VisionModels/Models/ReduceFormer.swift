/// ReduceFormer: EfficientViT-B with sums and products of elements in place of the attention's
/// matrix products.
///
/// **A reconstruction**: neither code nor weights were published. Yang, An, Park,
/// arXiv:2406.07488, and the poster: `O_i = ReLU(Q_i) SUM^KV / SUM_i^QK`. Read here for each head
/// as `SUM^KV = Σ_j ReLU(K_j) ∘ V_j` by channel and `SUM_i^QK = Σ_c ReLU(Q_i)_c Σ_j ReLU(K_j)_c`.
/// The second scale is a depthwise convolution alone: without the layer across a head's channels
/// the sizes come out as published (9.0, 24 and 48 million parameters, 0.52 GMAC for B1 at 224).
package struct ReduceFormer: MultiScaleArchitecture {
  package static let family = "reduceformer"
  package static let isReduced = true
  package static let entries: [ModelEntry] = MultiScaleSizes.all.dropFirst().flatMap { size in
    [224, 256, 288].map { entry(size, $0) }
  }

  private static func entry(_ size: MultiScaleSizes, _ side: Int) -> ModelEntry {
    let isSmallest = side == 224
    return ModelEntry(
      name: "reduceformer_b\(size.index)\(isSmallest ? "" : ".r\(side)")",
      displayName: "ReduceFormer-B\(size.index)\(isSmallest ? "" : "@\(side)")",
      architecture: ReduceFormer(size, imageSize: side),
      preprocessing: .imageNet(crop: side, fraction: isSmallest ? 0.95 : 1),
      source: "arXiv:2406.07488; a reconstruction, no published weights")
  }

  package var imageSize: Int
  package var widths: [Int]
  package var depths: [Int]
  package var headDim: Int
  package var headWidths: [Int]
  package var numClasses: Int

  package typealias CodingKeys = MultiScaleKeys
  package typealias Layers = MultiScaleLayers<ReduceFormer>

  init(_ size: MultiScaleSizes, imageSize: Int) {
    self.imageSize = imageSize
    widths = size.widths
    depths = size.depths
    headDim = size.headDim
    headWidths = size.headWidths
    numClasses = 1000
  }
}
