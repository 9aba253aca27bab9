import CKernels
import Foundation
import Tensors

/// Attention over arbitrary views of queries, keys and values; the reference for fused attention.
extension CPUBackend {
  package func attention(_ operands: AttentionOperands) {
    if operands.tokenSize == nil, operands.queries.tokens == operands.keys.tokens {
      var attention = lab_window_attention(operands)
      reserveKernelScratch(lab_window_attention_scratch_count(&attention))
      return run(
        WindowAttentionRegion(
          backend: self, attention: attention, tasks: lab_window_attention_tasks(&attention))
      ) { WindowAttentionRegion.enter($0, $1) }
    }
    run(ViewAttentionRegion(backend: self, operands: operands)) {
      ViewAttentionRegion.enter($0, $1)
    }
  }

  package func linearAttention(
    queries: HeadView, keys: HeadView, values: HeadView, epsilon: Float, into output: HeadView
  ) {
    var attention = lab_linear_attention(queries, keys, values, epsilon, into: output)
    reserveKernelScratch(lab_linear_attention_scratch_count(&attention))
    run(LinearAttentionRegion(backend: self, attention: attention, isReduced: false)) {
      LinearAttentionRegion.enter($0, $1)
    }
  }

  package func reducedAttention(
    queries: HeadView, keys: HeadView, values: HeadView, epsilon: Float, into output: HeadView
  ) {
    let attention = lab_linear_attention(queries, keys, values, epsilon, into: output)
    reserveKernelScratch(2 * queries.headDim)
    run(LinearAttentionRegion(backend: self, attention: attention, isReduced: true)) {
      LinearAttentionRegion.enter($0, $1)
    }
  }
}

@inline(__always)
private func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
  var sum: Float = 0
  for i in 0..<count { sum += a[i] * b[i] }
  return sum
}

/// Attention with token sizes, or with different numbers of queries and keys; tasks are (image,
/// group, head).
private struct ViewAttentionRegion: ParallelRegion {
  let backend: CPUBackend
  let operands: AttentionOperands

  func run(worker: Int) {
    let (queries, grouping) = (operands.queries, operands.grouping)
    let groups = grouping.groups(tokens: queries.tokens)
    let logits = backend.scratch[worker].logits.floats
    while let item = backend.nextTask(below: queries.batch * groups * queries.heads, worker: worker)
    {
      let head = item % queries.heads
      let (image, group) = (item / queries.heads / groups, item / queries.heads % groups)
      attend(image, group, head, logits)
    }
  }

  private func attend(
    _ image: Int, _ group: Int, _ head: Int, _ logits: UnsafeMutablePointer<Float>
  ) {
    let (queries, keys, values) = (operands.queries, operands.keys, operands.values)
    let (output, grouping) = (operands.output, operands.grouping)
    let rows = grouping.tokensPerGroup(tokens: queries.tokens)
    let columns = grouping.tokensPerGroup(tokens: keys.tokens)
    for row in 0..<rows {
      let token = grouping.token(group, row)
      let query = queries.floats + queries.position(image, token, head)
      let region = grouping.region(group, row)
      for column in 0..<columns {
        let other = grouping.token(group, column)
        var logit =
          operands.scale
          * dot(query, keys.floats + keys.position(image, other, head), queries.headDim)
        if let bias = operands.bias {
          logit += bias.floats[(head * rows + row) * columns + column]
        }
        if let sizes = operands.tokenSize {
          logit += logf(sizes.floats[image * keys.tokens + other])
        }
        logits[column] = region == grouping.region(group, column) ? logit : -.infinity
      }
      lab_softmax_rows(logits, 1, nil, 1, columns, columns)
      let target = output.floats + output.position(image, token, head)
      target.update(repeating: 0, count: values.headDim)
      for column in 0..<columns {
        let weight = logits[column]
        let value =
          values.floats + values.position(image, grouping.token(group, column), head)
        for c in 0..<values.headDim { target[c] += weight * value[c] }
      }
    }
  }
}

extension lab_view {
  fileprivate init(_ view: HeadView) {
    self.init(start: view.floats, pixel: view.tokenStride, head: view.headStride)
  }
}

extension lab_linear_attention {
  fileprivate init(
    _ queries: HeadView, _ keys: HeadView, _ values: HeadView, _ epsilon: Float,
    into output: HeadView
  ) {
    precondition(queries.tokens == keys.tokens, "as many queries as keys are needed")
    self.init(
      images: queries.batch, pixels: queries.tokens, heads: queries.heads,
      key_dim: queries.headDim, value_dim: values.headDim, q: lab_view(queries),
      k: lab_view(keys), v: lab_view(values), epsilon: epsilon, out: output.floats,
      out_pixel: output.tokenStride, out_head: output.headStride)
  }
}

extension lab_window_attention {
  fileprivate init(_ operands: AttentionOperands) {
    let (queries, output) = (operands.queries, operands.output)
    self.init()
    (height, width, window_height, window_width) = (1, queries.tokens, 1, queries.tokens)
    switch operands.grouping {
    case .all: break
    case .windows(let height, let width, let window, let shift):
      (self.height, self.width) = (height, width)
      (window_height, window_width) = (window, window)
      (shift_y, shift_x) = (shift, shift)
    case .interleaved(let height, let width, let patch):
      (self.height, self.width) = (height, width)
      (window_height, window_width) = (height / patch, width / patch)
      is_grid = true
    }
    (images, heads) = (queries.batch, queries.heads)
    (key_dim, value_dim) = (queries.headDim, operands.values.headDim)
    (q, k, v) = (lab_view(queries), lab_view(operands.keys), lab_view(operands.values))
    scale = operands.scale
    bias = operands.bias.map { UnsafePointer($0.floats) }
    (out, out_pixel, out_head) = (output.floats, output.tokenStride, output.headStride)
  }
}

private struct WindowAttentionRegion: ParallelRegion {
  let backend: CPUBackend
  let attention: lab_window_attention
  let tasks: Int

  func run(worker: Int) {
    var attention = attention
    let scratch = backend.scratch[worker].kernels.floats
    while let task = backend.nextTask(below: tasks, worker: worker) {
      lab_attend_windows(&attention, task, task + 1, scratch)
    }
  }
}

private struct LinearAttentionRegion: ParallelRegion {
  let backend: CPUBackend
  let attention: lab_linear_attention
  let isReduced: Bool

  func run(worker: Int) {
    var attention = attention
    let scratch = backend.scratch[worker].kernels.floats
    while let task = backend.nextTask(below: lab_linear_attention_tasks(&attention), worker: worker)
    {
      if isReduced {
        lab_attend_reduced(&attention, task, task + 1, scratch)
      } else {
        lab_attend_linear(&attention, task, task + 1, scratch)
      }
    }
  }
}
