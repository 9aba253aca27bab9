import Tensors

/// ReduceFormer's attention, and copies of pictures.
extension CUDABackend {
  package func reducedAttention(
    queries: HeadView, keys: HeadView, values: HeadView, epsilon: Float, into output: HeadView
  ) {
    let parts = Self.blocks(keys.tokens, 64)
    let sums = 2 * queries.headDim
    let partials = temporary(
      .attentionMap, Shape(queries.batch * queries.heads * parts * sums), .float32)
    launch(
      "reduced_sums" + suffix, grid: (parts, queries.heads, queries.batch), block: 256,
      shared: 8 * 256,
      arguments: arguments(keys, tokens: true) + arguments(values) + [
        .int(queries.headDim), .tensor(partials),
      ])
    launch(
      "reduced_outputs" + suffix,
      grid: (Self.blocks(queries.tokens, 64), queries.heads, queries.batch), block: 256,
      shared: 4 * sums,
      arguments: arguments(queries, tokens: true) + arguments(output) + [
        .int(queries.headDim), .float(epsilon), .tensor(partials), .int(parts),
      ])
  }

  package func copy(_ input: FeatureMap, into output: FeatureMap) {
    guard isOfActivations(input.tensor, output.tensor) else { return }
    let extent = ConvolutionExtent(
      inputs: input.channels, outputs: output.channels, kernel: 1, padding: 0,
      groups: input.channels)
    launch(
      "copy_pixels" + suffix, grid: (Self.blocks(output.count, 256), 1, 1), block: 256,
      arguments: [
        .address(input.start), .address(output.start), .int(output.batch * output.pixels),
      ] + Picture(input, output, extent).arguments)
  }
}
