import CKernels
import COpenBLAS
import Tensors

extension CPUBackend {
  /// The number of row blocks per image when received attention is requested.
  ///
  /// It depends only on the token count, so that the order of a sum does not depend on the number
  /// of threads.
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
      if region.splitsByImage {
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

  /// The number of row blocks of each head: at least as many as let a block fit into the L2 cache,
  /// and enough that all workers have about the same amount of work.
  func headBlocks(tokens: Int, units: Int) -> Int {
    let maximum = Scratch.attentionRows(tokens: tokens)
    var blocks = (tokens + maximum - 1) / maximum
    while units * blocks < 3 * threads, blocks < tokens { blocks += 1 }
    return blocks
  }
}

/// Tasks are (image, head, row block), so that any number of workers can share one image.
private struct HeadAttentionRegion: ParallelRegion {
  let backend: CPUBackend
  let call: AttentionCall
  let batch: Int
  let blocks: Int
  /// Receives the class token's row of every head, `[B, H, N]`.
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
      if image != lastImage { call.computeLogSizes(image, own) }
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

/// Packs the keys and values of every head, so that workers can share the rows of an image.
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

/// Attention whose weights are reduced over heads while they are in the cache.
///
/// If there are at least as many images as workers, each task is a whole image. Otherwise, a task
/// is a row block of an image, and keys and values have been packed before by `PackHeadsRegion`.
private struct WholeAttentionRegion: ParallelRegion {
  let backend: CPUBackend
  let call: AttentionCall
  let batch: Int
  let blocks: Int
  let statistics: AttentionStatistics
  /// Column sums of each row block, `[B, blocks, N]`.
  let partials: UnsafeMutablePointer<Float>
  /// Packed keys and values of all heads, for each worker if tasks are whole images, else for each
  /// image.
  let packed: UnsafeMutablePointer<Float>

  var splitsByImage: Bool { batch >= backend.threads }

  func run(worker: Int) {
    let own = backend.scratch[worker]
    let imageCount = call.heads * call.packedCount
    if splitsByImage {
      let packed = packed + worker * imageCount
      while let image = backend.nextTask(below: batch, worker: worker) {
        for head in 0..<call.heads {
          call.pack(image, head, into: packed + head * call.packedCount)
        }
        call.computeLogSizes(image, own)
        for block in 0..<blocks { reduce(image, block, packed, own) }
      }
    } else {
      while let item = backend.nextTask(below: batch * blocks, worker: worker) {
        let image = item / blocks
        call.computeLogSizes(image, own)
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
    // Only rows of patch tokens are summed.
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

/// Pointers and sizes of one attention, shared by its workers.
private struct AttentionCall {
  let gemm: GEMM
  /// `[B, N, 3C]`.
  let qkv: UnsafePointer<Float>
  /// `[B, N, C]`.
  let output: UnsafeMutablePointer<Float>
  let tokens: Int
  let heads: Int
  let width: Int
  /// `[B, N]`, or `nil`.
  let tokenSize: UnsafePointer<Float>?

  var headDim: Int { width / heads }
  /// Floats for the packed keys and values of one head; bfloat16 uses half of them.
  var packedCount: Int { Scratch.packedHeadCount(tokens: tokens, headDim: headDim) }

  func computeLogSizes(_ image: Int, _ scratch: Scratch) {
    guard let tokenSize else { return }
    lab_log(tokenSize + image * tokens, tokens, scratch.logSizes.floats)
  }

  private func keys(_ image: Int, _ head: Int) -> UnsafePointer<Float> {
    qkv + image * tokens * 3 * width + width + head * headDim
  }

  /// Packs the keys of a head for the first GEMM and, after them, the values for the second.
  func pack(_ image: Int, _ head: Int, into packed: UnsafeMutablePointer<Float>) {
    let keys = keys(image, head)
    let values = packed + Scratch.packedCount(columns: tokens, k: headDim)
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

  /// Computes attention weights of some rows of a head into `scratch.logits`, with a row stride of
  /// `padded(tokens)`.
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
      lab_gemm_bfloat16(
        operand.start, rows.count, operand.stride, packed, tokens, headDim, 0,
        lab_bfloat16_panels(tokens), 0, nil, GEMMEpilogue.none.kernelMode, scratch.logits.floats,
        stride)
    case .blas:
      lab_blas_product(
        true, Int32(rows.count), Int32(tokens), Int32(headDim), queries, Int32(3 * width),
        keys(image, head), Int32(3 * width), 0, scratch.logits.floats, Int32(stride))
    case .packed, .int8:
      lab_gemm(
        queries, rows.count, 3 * width, packed, tokens, headDim, 0, lab_panels(tokens), .nothing,
        nil, GEMMEpilogue.none.kernelMode, scratch.logits.floats, stride, scratch.product.floats)
    }
    lab_softmax_rows(
      scratch.logits.floats, 1 / Float(headDim).squareRoot(),
      tokenSize == nil ? nil : UnsafePointer(scratch.logSizes.floats), rows.count, tokens, stride)
  }

  /// Multiplies the weights of those rows by the values.
  ///
  /// Meanwhile, the queries, keys and values of the head `next` are prefetched (only by the float32
  /// kernels).
  func mix(
    _ image: Int, _ head: Int, _ rows: Range<Int>, _ packed: UnsafePointer<Float>,
    _ scratch: Scratch, fetching next: (image: Int, head: Int)? = nil
  ) {
    let target = output + (image * tokens + rows.lowerBound) * width + head * headDim
    let stride = padded(tokens)
    let values = packed + Scratch.packedCount(columns: tokens, k: headDim)
    switch gemm {
    case .bfloat16:
      let weights = Operand(in: scratch.operand, rows: rows.count, k: tokens, gemm)
      lab_round_rows_bfloat16(
        scratch.logits.floats, rows.count, tokens, stride, weights.start, weights.stride)
      return lab_gemm_bfloat16(
        weights.start, rows.count, weights.stride, values, headDim, tokens, 0,
        lab_bfloat16_panels(headDim), 0, nil, GEMMEpilogue.none.kernelMode, target, width)
    case .blas:
      return lab_blas_product(
        false, Int32(rows.count), Int32(headDim), Int32(tokens), scratch.logits.floats,
        Int32(stride), keys(image, head) + width, Int32(3 * width), 0, target, Int32(width))
    case .packed, .int8: break
    }
    var fetch = lab_prefetch()
    if let next {
      fetch = lab_prefetch(
        next_panel: 0, rows: qkv + next.image * tokens * 3 * width + next.head * headDim,
        row_stride: 3 * width, width: headDim, piece_stride: width, pieces: 3)
    }
    lab_gemm(
      scratch.logits.floats, rows.count, stride, values, headDim, tokens, 0, lab_panels(headDim),
      fetch, nil, GEMMEpilogue.none.kernelMode, target, width, scratch.product.floats)
  }
}
