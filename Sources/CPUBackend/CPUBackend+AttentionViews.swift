import CKernels
import Foundation
import Tensors

/// Attention over any views of queries, keys and values: the reference of every fused one.
extension CPUBackend {
  package func attention(_ operands: AttentionOperands) {
    if operands.tokenSize == nil, operands.queries.tokens == operands.keys.tokens {
      var attention = lab_window_attention(operands)
      reservePicture(lab_window_attention_scratch_count(&attention))
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
    reservePicture(lab_linear_attention_scratch_count(&attention))
    run(LinearAttentionRegion(backend: self, attention: attention, isReduced: false)) {
      LinearAttentionRegion.enter($0, $1)
    }
  }

  package func reducedAttention(
    queries: HeadView, keys: HeadView, values: HeadView, epsilon: Float, into output: HeadView
  ) {
    let attention = lab_linear_attention(queries, keys, values, epsilon, into: output)
    reservePicture(2 * queries.headDim)
    run(LinearAttentionRegion(backend: self, attention: attention, isReduced: true)) {
      LinearAttentionRegion.enter($0, $1)
    }
  }

  package func attentionMap(
    queries: HeadView, keys: HeadView, scale: Float, tokenSize: Tensor?, into map: Tensor
  ) {
    run(
      AttentionMapRegion(
        backend: self, queries: queries, keys: keys, scale: scale, tokenSize: tokenSize, map: map)
    ) { AttentionMapRegion.enter($0, $1) }
  }

  package func applyAttentionMap(_ map: Tensor, values: HeadView, into output: HeadView) {
    run(ApplyMapRegion(backend: self, map: map, values: values, output: output)) {
      ApplyMapRegion.enter($0, $1)
    }
  }

  package func summarizeAttention(_ map: Tensor, _ statistics: AttentionStatistics) {
    run(SummaryRegion(backend: self, map: map, statistics: statistics)) {
      SummaryRegion.enter($0, $1)
    }
  }
}

@inline(__always)
private func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
  var sum: Float = 0
  for i in 0..<count { sum += a[i] * b[i] }
  return sum
}

/// Work items are (image, group, head).
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
    precondition(queries.tokens == keys.tokens, "tokens that see others than themselves")
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
    let scratch = backend.scratch[worker].picture.floats
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
    let scratch = backend.scratch[worker].picture.floats
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

/// Work items are (image, head).
private struct AttentionMapRegion: ParallelRegion {
  let backend: CPUBackend
  let queries: HeadView
  let keys: HeadView
  let scale: Float
  let tokenSize: Tensor?
  let map: Tensor

  func run(worker: Int) {
    let (rows, columns) = (queries.tokens, keys.tokens)
    let logSizes = backend.scratch[worker].logSizes.floats
    while let item = backend.nextTask(below: queries.batch * queries.heads, worker: worker) {
      let (image, head) = (item / queries.heads, item % queries.heads)
      let weights = map.floats + item * rows * columns
      for row in 0..<rows {
        let query = queries.floats + queries.position(image, row, head)
        for column in 0..<columns {
          weights[row * columns + column] = dot(
            query, keys.floats + keys.position(image, column, head), queries.headDim)
        }
      }
      if let tokenSize { lab_log(tokenSize.floats + image * columns, columns, logSizes) }
      lab_softmax_rows(
        weights, scale, tokenSize == nil ? nil : UnsafePointer(logSizes), rows, columns, columns)
    }
  }
}

/// Work items are (image, head).
private struct ApplyMapRegion: ParallelRegion {
  let backend: CPUBackend
  let map: Tensor
  let values: HeadView
  let output: HeadView

  func run(worker: Int) {
    let (rows, columns) = (output.tokens, values.tokens)
    while let item = backend.nextTask(below: output.batch * output.heads, worker: worker) {
      let (image, head) = (item / output.heads, item % output.heads)
      for row in 0..<rows {
        let weights = map.floats + (item * rows + row) * columns
        let target = output.floats + output.position(image, row, head)
        target.update(repeating: 0, count: values.headDim)
        for column in 0..<columns {
          let value = values.floats + values.position(image, column, head)
          let weight = weights[column]
          for c in 0..<values.headDim { target[c] += weight * value[c] }
        }
      }
    }
  }
}

/// What a score reads of an attention map, shared by images.
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
