import CKernels
import Tensors

/// Attention maps in memory, for methods that read or modify them before they are applied.
extension CPUBackend {
  package func attentionMap(
    queries: HeadView, keys: HeadView, scale: Float, tokenSize: Tensor?, into map: Tensor
  ) {
    run(
      AttentionMapRegion(
        backend: self, queries: queries, keys: keys, scale: scale, tokenSize: tokenSize, map: map,
        blocks: headBlocks(tokens: queries.tokens, units: queries.batch * queries.heads))
    ) { AttentionMapRegion.enter($0, $1) }
  }

  package func applyAttentionMap(_ map: Tensor, values: HeadView, into output: HeadView) {
    run(
      ApplyMapRegion(
        backend: self, map: map, values: values, output: output,
        blocks: headBlocks(tokens: output.tokens, units: output.batch * output.heads))
    ) { ApplyMapRegion.enter($0, $1) }
  }

  package func summarizeAttention(_ map: Tensor, _ statistics: AttentionStatistics) {
    run(SummaryRegion(backend: self, map: map, statistics: statistics)) {
      SummaryRegion.enter($0, $1)
    }
  }
}

/// Tasks are (image, head, row block); a worker packs the keys of a head at its first task of that
/// head.
private struct AttentionMapRegion: ParallelRegion {
  let backend: CPUBackend
  let queries: HeadView
  let keys: HeadView
  let scale: Float
  let tokenSize: Tensor?
  let map: Tensor
  let blocks: Int

  func run(worker: Int) {
    let own = backend.scratch[worker]
    let (tokens, columns, headDim) = (queries.tokens, keys.tokens, queries.headDim)
    let (packed, panels) = (own.packedHead.floats, lab_panels(columns))
    var (lastImage, lastUnit) = (-1, -1)
    while let item = backend.nextTask(below: queries.batch * queries.heads * blocks, worker: worker)
    {
      let (unit, block) = (item / blocks, item % blocks)
      let (image, head) = (unit / queries.heads, unit % queries.heads)
      if unit != lastUnit {
        lab_pack_transposed(
          keys.floats + keys.position(image, 0, head), columns, headDim, keys.tokenStride, 0,
          panels, packed)
      }
      if let tokenSize, image != lastImage {
        lab_log(tokenSize.floats + image * columns, columns, own.logSizes.floats)
      }
      (lastImage, lastUnit) = (image, unit)
      let rows = (tokens * block / blocks)..<(tokens * (block + 1) / blocks)
      let weights = map.floats + (unit * tokens + rows.lowerBound) * columns
      lab_gemm(
        queries.floats + queries.position(image, rows.lowerBound, head), rows.count,
        queries.tokenStride, packed, columns, headDim, 0, panels, .nothing, nil,
        GEMMEpilogue.none.kernelMode, weights, columns, own.product.floats)
      lab_softmax_rows(
        weights, scale, tokenSize == nil ? nil : UnsafePointer(own.logSizes.floats), rows.count,
        columns, columns)
    }
  }
}

/// Tasks are (image, head, row block); a worker packs the values of a head at its first task of
/// that head.
private struct ApplyMapRegion: ParallelRegion {
  let backend: CPUBackend
  let map: Tensor
  let values: HeadView
  let output: HeadView
  let blocks: Int

  func run(worker: Int) {
    let own = backend.scratch[worker]
    let (tokens, columns, width) = (output.tokens, values.tokens, values.headDim)
    let packed = own.packedHead.floats
    var lastUnit = -1
    while let item = backend.nextTask(below: output.batch * output.heads * blocks, worker: worker) {
      let (unit, block) = (item / blocks, item % blocks)
      let (image, head) = (unit / output.heads, unit % output.heads)
      if unit != lastUnit {
        lab_pack_plain(
          values.floats + values.position(image, 0, head), width, columns, values.tokenStride,
          packed)
      }
      lastUnit = unit
      let rows = (tokens * block / blocks)..<(tokens * (block + 1) / blocks)
      lab_gemm(
        map.floats + (unit * tokens + rows.lowerBound) * columns, rows.count, columns, packed,
        width, columns, 0, lab_panels(width), .nothing, nil, GEMMEpilogue.none.kernelMode,
        output.floats + output.position(image, rows.lowerBound, head), output.tokenStride,
        own.product.floats)
    }
  }
}

/// Class attention and received attention from an attention map; tasks are images.
private struct SummaryRegion: ParallelRegion {
  let backend: CPUBackend
  let map: Tensor
  let statistics: AttentionStatistics

  func run(worker: Int) {
    let (heads, tokens) = (map.shape[1], map.shape[3])
    for image in backend.share(of: map.shape[0], worker: worker) {
      let weights = map.floats + image * heads * map.shape[2] * tokens
      if let output = statistics.classAttention {
        let mean = output.floats + image * tokens
        mean.update(repeating: 0, count: tokens)
        for head in 0..<heads { lab_add_into(mean, weights + head * map.shape[2] * tokens, tokens) }
        lab_scale(mean, 1 / Float(heads), tokens)
      }
      if let output = statistics.receivedAttention {
        receive(weights, heads, rows: map.shape[2], tokens, output.floats + image * tokens)
      }
    }
  }

  private func receive(
    _ weights: UnsafePointer<Float>, _ heads: Int, rows: Int, _ tokens: Int,
    _ sums: UnsafeMutablePointer<Float>
  ) {
    sums.update(repeating: 0, count: tokens)
    for row in statistics.prefixTokens..<max(rows, statistics.prefixTokens) {
      for token in 0..<tokens {
        var reduced = weights[row * tokens + token]
        for head in 1..<max(heads, 1) {
          let weight = weights[(head * rows + row) * tokens + token]
          reduced = statistics.headReduction == .max ? max(reduced, weight) : reduced + weight
        }
        sums[token] += reduced
      }
    }
    if statistics.headReduction == .mean { lab_scale(sums, 1 / Float(heads), tokens) }
  }
}
