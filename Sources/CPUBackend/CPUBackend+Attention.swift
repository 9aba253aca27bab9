import CKernels
import Tensors

extension CPUBackend {
  /// Row blocks of an attention whose statistics are asked for: by the token count alone, so that a sum's order does not
  /// depend on the number of threads.
  func rowBlocks(tokens: Int) -> Int { max(2, (tokens + 63) / 64) }

  package func attend(
    _ qkv: Tensor, heads: Int, tokenSize: Tensor?, statistics: AttentionStatistics?,
    into output: Tensor
  ) {
    let (batch, tokens) = (qkv.shape[0], qkv.shape[1])
    let call = AttentionCall(
      qkv: qkv.floats, output: output.floats, tokens: tokens, heads: heads,
      width: output.shape[2], tokenSize: tokenSize?.floats)
    if let statistics, let received = statistics.receivedAttention {
      let region = WholeAttentionRegion(
        backend: self, call: call, batch: batch, blocks: rowBlocks(tokens: tokens),
        statistics: statistics, partials: shared.floats)
      run(region) { WholeAttentionRegion.enter($0, $1) }
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
  }

  /// Row blocks of each head: no more than the cache asks for, but enough that every worker has about the same.
  private func headBlocks(tokens: Int, units: Int) -> Int {
    let most = Scratch.attentionRows(tokens: tokens)
    var blocks = (tokens + most - 1) / most
    while units * blocks < 4 * threads, units * blocks % threads != 0, blocks < tokens {
      blocks += 1
    }
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
    var lastImage = -1
    for item in backend.share(of: batch * call.heads * blocks, worker: worker) {
      let (image, head) = (item / blocks / call.heads, item / blocks % call.heads)
      let block = item % blocks
      if image != lastImage { call.takeLogSizes(image, own) }
      lastImage = image
      let rows = (tokens * block / blocks)..<(tokens * (block + 1) / blocks)
      call.weigh(image, head, rows, own)
      if let classRows, rows.lowerBound == 0 {
        (classRows + (image * call.heads + head) * tokens).update(
          from: own.logits.floats, count: tokens)
      }
      call.mix(image, head, rows, own)
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

/// Work items are (image, row block) with all heads, whose attention is reduced while it is in the cache.
private struct WholeAttentionRegion: ParallelRegion {
  let backend: CPUBackend
  let call: AttentionCall
  let batch: Int
  let blocks: Int
  let statistics: AttentionStatistics
  /// Column sums of each item, [B, blocks, N].
  let partials: UnsafeMutablePointer<Float>

  func run(worker: Int) {
    let own = backend.scratch[worker]
    let tokens = call.tokens
    let stride = padded(tokens)
    let reduced = own.reduced.floats
    var lastImage = -1
    for item in backend.share(of: batch * blocks, worker: worker) {
      let (image, block) = (item / blocks, item % blocks)
      if image != lastImage { call.takeLogSizes(image, own) }
      lastImage = image
      let rows = (tokens * block / blocks)..<(tokens * (block + 1) / blocks)
      for head in 0..<call.heads {
        call.weigh(image, head, rows, own)
        let weights = own.logits.floats
        if head == 0 {
          reduced.update(from: weights, count: rows.count * stride)
        } else if statistics.headReduction == .max {
          lab_max_into(reduced, weights, rows.count * stride)
        } else {
          lab_add_into(reduced, weights, rows.count * stride)
        }
        call.mix(image, head, rows, own)
      }
      // Patch rows alone count.
      let skipped = min(rows.count, max(0, statistics.prefixTokens - rows.lowerBound))
      lab_column_sums(
        reduced + skipped * stride, rows.count - skipped, tokens, stride, partials + item * tokens)
    }
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

  func takeLogSizes(_ image: Int, _ scratch: Scratch) {
    guard let tokenSize else { return }
    lab_log(tokenSize + image * tokens, tokens, scratch.logSizes.floats)
  }

  /// Attention weights of some rows of a head into `scratch.logits`, rows `padded(tokens)` apart.
  func weigh(_ image: Int, _ head: Int, _ rows: Range<Int>, _ scratch: Scratch) {
    let first = qkv + image * tokens * 3 * width + head * headDim
    let stride = padded(tokens)
    product(
      .transposed, rows.count, tokens, headDim, first + rows.lowerBound * 3 * width, 3 * width,
      first + width, 3 * width, scratch.logits.floats, stride,
      alpha: 1 / Float(headDim).squareRoot())
    lab_softmax_rows(
      scratch.logits.floats, tokenSize == nil ? nil : UnsafePointer(scratch.logSizes.floats),
      rows.count, tokens, stride)
  }

  /// The weighted sum of the values for those rows.
  func mix(_ image: Int, _ head: Int, _ rows: Range<Int>, _ scratch: Scratch) {
    let values = qkv + image * tokens * 3 * width + 2 * width + head * headDim
    product(
      .plain, rows.count, headDim, tokens, scratch.logits.floats, padded(tokens), values,
      3 * width, output + (image * tokens + rows.lowerBound) * width + head * headDim, width)
  }
}
