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
  package static let entries: [ModelEntry] = MultiScaleSizes.all.enumerated().dropFirst().flatMap {
    index, sizes in
    [224, 256, 288].map { side in
      entry(
        sizes, side, name: "reduceformer_b\(index)\(side == 224 ? "" : ".r\(side)")",
        title: "ReduceFormer-B\(index)",
        source: "arXiv:2406.07488; a reconstruction, no published weights")
    }
  }

  package typealias Layers = MultiScaleLayers<ReduceFormer>

  package var sizes: MultiScaleSizes

  package init(_ sizes: MultiScaleSizes) { self.sizes = sizes }
}
