import Tensors

/// The first and the last operation of a forward pass.
extension CUDABackend {
  package func embedPatches(_ images: Tensor, _ embedding: PatchEmbedding, into tokens: Tensor) {
    let (batch, side, patch) = (images.shape[0], images.shape[2], embedding.patchSize)
    let patches = (side / patch) * (side / patch)
    let (count, width) = (tokens.shape[1], tokens.shape[2])
    let stride = Self.padded(embedding.linear.inputs)
    let (rows, product) = (scratch(\.hidden), scratch(\.normalized))
    launch(
      "patch_gather" + suffix, grid: (patches, batch, 1), block: 128, .tensor(images),
      .address(rows), .int(side), .int(patch), .int(stride))
    multiply(
      embedding.linear, rows, rows: batch * patches, into: product, type: activationType,
      k: stride)
    launch(
      "embed_tokens" + suffix, grid: (Self.blocks(count, 4), batch, 1), block: 128,
      .address(product), .tensor(embedding.positions), .tensor(embedding.prefix), .tensor(tokens),
      .int(patches), .int(count - patches), .int(width))
  }

  package func poolTokens(
    _ stream: Tensor, norm: LayerNormParameters, _ kind: TokenPooling, into features: Tensor
  ) {
    let (batch, tokens, width) = (stream.shape[0], stream.shape[1], stream.shape[2])
    func readPrefix(_ count: Int) {
      launch(
        "pool_tokens_prefix" + suffix, grid: (Self.blocks(batch * count, 4), 1, 1), block: 128,
        .tensor(stream), .tensor(norm.weight), .tensor(norm.bias), .float(norm.epsilon),
        .int(batch), .int(tokens), .int(count), .int(width), .tensor(features),
        .int(features.shape[1]))
    }
    switch kind {
    case .prefix(let count): readPrefix(count)
    case .classAndPatchMean(let prefix):
      readPrefix(1)
      let statistics = scratch(\.rowStatistics)
      launch(
        "row_statistics" + suffix, grid: (Self.blocks(batch * tokens, 4), 1, 1), block: 128,
        .tensor(stream), .float(norm.epsilon), .int(batch * tokens), .int(width),
        .address(statistics))
      launch(
        "pool_tokens_mean" + suffix, grid: (Self.blocks(width, 64), batch, 1), block: 256,
        shared: 2048, .tensor(stream), .address(statistics), .tensor(norm.weight),
        .tensor(norm.bias), .int(prefix), .int(tokens), .int(width),
        .address(features.storage.address + width * activationType.byteCount),
        .int(features.shape[1]))
    }
  }
}
