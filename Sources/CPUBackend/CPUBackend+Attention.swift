import CKernels
import COpenBLAS
import Tensors

extension CPUBackend {
  /// Row blocks of an attention whose statistics are asked for: by the token count alone, so that a
  /// sum's order does not depend on the number of threads.
  static func rowBlocks(tokens: Int) -> Int { max(2, (tokens + 63) / 64) }

  package func attend(
    _ qkv: Tensor, heads: Int, tokenSize: Tensor?, statistics: AttentionStatistics?,
    into output: Tensor
  ) -> AttentionFindings {
    let (batch, tokens) = (qkv.shape[0], qkv.shape[1])
    reserveAttentionOperands(tokens: tokens, headDim: output.shape[2] / heads)
    let call = AttentionCall(
      gemm: attentionGEMM, qkv: qkv.floats, output: output.floats, tokens: tokens, heads: heads,
      width: output.shape[2], tokenSize: tokenSize?.floats)
    if let statistics, let received = statistics.receivedAttention {
      let region = WholeAttentionRegion(
        backend: self, call: call, batch: batch, blocks: Self.rowBlocks(tokens: tokens),
        statistics: statistics, partials: shared.floats, packed: sharedPacked.floats)
      if region.byImages {
        run(region) { WholeAttentionRegion.enter($0, $1) }
      } else {
        run(PackHeadsRegion(backend: self, call: call, batch: batch, packed: sharedPacked.floats)) {
          PackHeadsRegion.enter($0, $1)
        }
        run(region) { WholeAttentionRegion.enter($0, $1) }
      }
      region.sumPartials(into: received.floats)
    } else {
      let classAttention = statistics?.classAttention?.floats
      let region = HeadAttentionRegion(
        backend: self, call: call, batch: batch,
        blocks: headBlocks(tokens: tokens, units: batch * heads),
        classRows: classAttention == nil ? nil : shared.floats)
      run(region) { HeadAttentionRegion.enter($0, $1) }
      if let classAttention { region.averageHeads(into: classAttention) }
    }
    return AttentionFindings(
      classAttention: statistics?.receivedAttention == nil ? statistics?.classAttention : nil,
      received: statistics?.receivedAttention.map { ReceivedAttention(sums: $0) })
  }

  private func reserveAttentionOperands(tokens: Int, headDim: Int) {
    guard attentionGEMM == .bfloat16 else { return }
    reserveOperands(
      rows: max(Scratch.attentionRows(tokens: tokens), 64), k: max(padded(tokens), headDim))
  }

  /// Row blocks of each head: no more than the cache asks for, but enough that every worker has
  /// about the same.
  func headBlocks(tokens: Int, units: Int) -> Int {
    let maximum = Scratch.attentionRows(tokens: tokens)
    var blocks = (tokens + maximum - 1) / maximum
    while units * blocks < 3 * threads, blocks < tokens { blocks += 1 }
    return blocks
  }
}

/// Work items are (image, head, row block): any number of workers can share one image.
private struct HeadAttentionRegion: ParallelRegion {
  let backend: CPUBackend
  let call: AttentionCall
  let batch: Int
  let blocks: Int
  /// Receives the class token's row of every head, [B, H, N].
  let classRows: UnsafeMutablePointer<Float>?

  func run(worker: Int) {
    let own = backend.scratch[worker]
    let tokens = call.tokens
    let packed = own.packedHead.floats
    var lastImage = -1
    var lastHead = -1
    while let item = backend.nextTask(below: batch * call.heads * blocks, worker: worker) {
      let (image, head) = (item / blocks / call.heads, item / blocks % call.heads)
      let block = item % blocks
      if image != lastImage { call.takeLogSizes(image, own) }
      lastImage = image
      if item / blocks != lastHead { call.pack(image, head, into: packed) }
      lastHead = item / blocks
      let rows = (tokens * block / blocks)..<(tokens * (block + 1) / blocks)
      call.weigh(image, head, rows, packed, own)
      if let classRows, rows.lowerBound == 0 {
        (classRows + (image * call.heads + head) * tokens).update(
          from: own.logits.floats, count: tokens)
      }
      let next = min(item + 1, batch * call.heads * blocks - 1) / blocks
      call.mix(
        image, head, rows, packed, own,
        fetching: next == lastHead ? nil : (next / call.heads, next % call.heads))
    }
  }

  func averageHeads(into classAttention: UnsafeMutablePointer<Float>) {
    guard let classRows else { return }
    let tokens = call.tokens
    for image in 0..<batch {
      let mean = classAttention + image * tokens
      mean.update(repeating: 0, count: tokens)
      for head in 0..<call.heads {
        lab_add_into(mean, classRows + (image * call.heads + head) * tokens, tokens)
      }
      lab_scale(mean, 1 / Float(call.heads), tokens)
    }
  }
}

/// Packs keys and values of every head of a few images, so that workers can share an image's rows.
private struct PackHeadsRegion: ParallelRegion {
  let backend: CPUBackend
  let call: AttentionCall
  let batch: Int
  let packed: UnsafeMutablePointer<Float>

  func run(worker: Int) {
    while let item = backend.nextTask(below: batch * call.heads, worker: worker) {
      call.pack(item / call.heads, item % call.heads, into: packed + item * call.packedCount)
    }
  }
}

/// All heads of a row block, whose attention is reduced while it is in the cache.
///
/// Of many images each worker takes whole ones; of few, the row blocks are shared, of keys and
/// values packed before.
private struct WholeAttentionRegion: ParallelRegion {
  let backend: CPUBackend
  let call: AttentionCall
  let batch: Int
  let blocks: Int
  let statistics: AttentionStatistics
  /// Column sums of each row block, [B, blocks, N].
  let partials: UnsafeMutablePointer<Float>
  /// Keys and values of all heads: of each worker's image, or of each image.
  let packed: UnsafeMutablePointer<Float>

  var byImages: Bool { batch >= backend.threads }

  func run(worker: Int) {
    let own = backend.scratch[worker]
    let imageCount = call.heads * call.packedCount
    if byImages {
      let packed = packed + worker * imageCount
      while let image = backend.nextTask(below: batch, worker: worker) {
        for head in 0..<call.heads {
          call.pack(image, head, into: packed + head * call.packedCount)
        }
        call.takeLogSizes(image, own)
        for block in 0..<blocks { reduce(image, block, packed, own) }
      }
    } else {
      while let item = backend.nextTask(below: batch * blocks, worker: worker) {
        let image = item / blocks
        call.takeLogSizes(image, own)
        reduce(image, item % blocks, packed + image * imageCount, own)
      }
    }
  }

  private func reduce(
    _ image: Int, _ block: Int, _ packed: UnsafePointer<Float>, _ own: Scratch
  ) {
    let tokens = call.tokens
    let stride = padded(tokens)
    let reduced = own.reduced.floats
    let rows = (tokens * block / blocks)..<(tokens * (block + 1) / blocks)
    for head in 0..<call.heads {
      let packedHead = packed + head * call.packedCount
      call.weigh(image, head, rows, packedHead, own)
      let weights = own.logits.floats
      if head == 0 {
        reduced.update(from: weights, count: rows.count * stride)
      } else if statistics.headReduction == .max {
        lab_max_into(reduced, weights, rows.count * stride)
      } else {
        lab_add_into(reduced, weights, rows.count * stride)
      }
      call.mix(image, head, rows, packedHead, own)
    }
    // Patch rows alone count.
    let skipped = min(rows.count, max(0, statistics.prefixTokens - rows.lowerBound))
    lab_column_sums(
      reduced + skipped * stride, rows.count - skipped, tokens, stride,
      partials + (image * blocks + block) * tokens)
  }

  func sumPartials(into received: UnsafeMutablePointer<Float>) {
    let tokens = call.tokens
    for image in 0..<batch {
      let sums = received + image * tokens
      sums.update(repeating: 0, count: tokens)
      for block in 0..<blocks {
        lab_add_into(sums, partials + (image * blocks + block) * tokens, tokens)
      }
      if statistics.headReduction == .mean { lab_scale(sums, 1 / Float(call.heads), tokens) }
    }
  }
}

/// One attention: pointers and extents that its workers share.
private struct AttentionCall {
  let gemm: GEMM
  /// [B, N, 3C].
  let qkv: UnsafePointer<Float>
  /// [B, N, C].
  let output: UnsafeMutablePointer<Float>
  let tokens: Int
  let heads: Int
  let width: Int
  /// [B, N], or `nil`.
  let tokenSize: UnsafePointer<Float>?

  var headDim: Int { width / heads }
  /// Floats of memory for one head's packed keys and values; bfloat16 leaves half of it unused.
  var packedCount: Int { Scratch.packedHeadCount(tokens: tokens, headDim: headDim) }

  func takeLogSizes(_ image: Int, _ scratch: Scratch) {
    guard let tokenSize else { return }
    lab_log(tokenSize + image * tokens, tokens, scratch.logSizes.floats)
  }

  private func keys(_ image: Int, _ head: Int) -> UnsafePointer<Float> {
    qkv + image * tokens * 3 * width + width + head * headDim
  }

  /// Keys and values of a head as the two products read them, the values after the keys.
  func pack(_ image: Int, _ head: Int, into packed: UnsafeMutablePointer<Float>) {
    let keys = keys(image, head)
    let values = packed + lab_packed_count(tokens, headDim)
    switch gemm {
    case .bfloat16:
      lab_pack_bfloat16(
        keys, tokens, headDim, 3 * width, 1, 0, lab_bfloat16_panels(tokens), packed)
      lab_pack_bfloat16(
        keys + width, headDim, tokens, 1, 3 * width, 0, lab_bfloat16_panels(headDim), values)
    case .blas: break
    case .packed, .int8:
      lab_pack_transposed(keys, tokens, headDim, 3 * width, 0, lab_panels(tokens), packed)
      lab_pack_plain(keys + width, headDim, tokens, 3 * width, values)
    }
  }

  /// Attention weights of some rows of a head into `scratch.logits`, rows `padded(tokens)` apart.
  func weigh(
    _ image: Int, _ head: Int, _ rows: Range<Int>, _ packed: UnsafePointer<Float>,
    _ scratch: Scratch
  ) {
    let queries = qkv + (image * tokens + rows.lowerBound) * 3 * width + head * headDim
    let stride = padded(tokens)
    switch gemm {
    case .bfloat16:
      let operand = Operand(in: scratch.operand, rows: rows.count, k: headDim, gemm)
      lab_round_rows_bfloat16(
        queries, rows.count, headDim, 3 * width, operand.start, operand.stride)
      lab_product_bfloat16(
        operand.start, rows.count, operand.stride, packed, tokens, headDim, 0,
        lab_bfloat16_panels(tokens), 0, nil, GEMMEpilogue.none.kernelMode, scratch.logits.floats,
        stride)
    case .blas:
      lab_blas_product(
        true, Int32(rows.count), Int32(tokens), Int32(headDim), queries, Int32(3 * width),
        keys(image, head), Int32(3 * width), 0, scratch.logits.floats, Int32(stride))
    case .packed, .int8:
      lab_product(
        queries, rows.count, 3 * width, packed, tokens, headDim, 0, lab_panels(tokens), .nothing,
        nil, GEMMEpilogue.none.kernelMode, scratch.logits.floats, stride, scratch.product.floats)
    }
    lab_softmax_rows(
      scratch.logits.floats, 1 / Float(headDim).squareRoot(),
      tokenSize == nil ? nil : UnsafePointer(scratch.logSizes.floats), rows.count, tokens, stride)
  }

  /// The weighted sum of the values for those rows; meanwhile the queries, keys and values of
  /// another head come nearer, as (image, head).
  func mix(
    _ image: Int, _ head: Int, _ rows: Range<Int>, _ packed: UnsafePointer<Float>,
    _ scratch: Scratch, fetching next: (image: Int, head: Int)? = nil
  ) {
    let target = output + (image * tokens + rows.lowerBound) * width + head * headDim
    let stride = padded(tokens)
    let values = packed + lab_packed_count(tokens, headDim)
    switch gemm {
    case .bfloat16:
      let weights = Operand(in: scratch.operand, rows: rows.count, k: tokens, gemm)
      lab_round_rows_bfloat16(
        scratch.logits.floats, rows.count, tokens, stride, weights.start, weights.stride)
      return lab_product_bfloat16(
        weights.start, rows.count, weights.stride, values, headDim, tokens, 0,
        lab_bfloat16_panels(headDim), 0, nil, GEMMEpilogue.none.kernelMode, target, width)
    case .blas:
      return lab_blas_product(
        false, Int32(rows.count), Int32(headDim), Int32(tokens), scratch.logits.floats,
        Int32(stride), keys(image, head) + width, Int32(3 * width), 0, target, Int32(width))
    case .packed, .int8: break
    }
    var fetch = lab_fetch()
    if let next {
      fetch = lab_fetch(
        panel_after: 0, rows: qkv + next.image * tokens * 3 * width + next.head * headDim,
        row_stride: 3 * width, width: headDim, piece_stride: width, pieces: 3)
    }
    lab_product(
      scratch.logits.floats, rows.count, stride, values, headDim, tokens, 0, lab_panels(headDim),
      fetch, nil, GEMMEpilogue.none.kernelMode, target, width, scratch.product.floats)
  }
}
