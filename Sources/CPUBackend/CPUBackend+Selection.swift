import CKernels
import Tensors

extension CPUBackend {
  package func selectTokens(
    _ scores: Tensor, prefixTokens: Int, keep: Int, fuse: Bool, into assignment: TokenAssignment
  ) {
    let tokens = assignment.tokensIn
    eachImage(assignment) { image, scratch, offsets, sources in
      rank(scores.floats + image * tokens, tokens, prefixTokens, scratch, into: sources)
      // One source an output; with `fuse` the last output takes all that is left.
      for index in 0...assignment.tokensOut { offsets[index] = Int32(index) }
      if fuse { offsets[assignment.tokensOut] = Int32(tokens) }
      assert(prefixTokens + keep + (fuse ? 1 : 0) == assignment.tokensOut)
    }
  }

  package func selectAndMatch(
    _ scores: Tensor, metric: Tensor, prefixTokens: Int, keep: Int,
    into assignment: TokenAssignment
  ) {
    let (tokens, width) = (assignment.tokensIn, metric.shape[2])
    eachImage(assignment) { image, scratch, offsets, sources in
      let ranked = scratch.order.integers
      let partner = ranked + 2 * tokens
      rank(scores.floats + image * tokens, tokens, prefixTokens, scratch, into: ranked + tokens)
      let order = ranked + tokens
      let keys = metric.floats + image * tokens * width
      let firstRemoved = prefixTokens + keep
      for index in firstRemoved..<tokens {
        let row = keys + Int(order[index]) * width
        var best = -Float.infinity
        partner[index] = Int32(prefixTokens)
        for candidate in prefixTokens..<firstRemoved {
          let other = keys + Int(order[candidate]) * width
          var dot: Float = 0
          for c in 0..<width { dot += row[c] * other[c] }
          if dot > best {
            best = dot
            partner[index] = Int32(candidate)
          }
        }
      }
      var next: Int32 = 0
      for output in 0..<firstRemoved {
        offsets[output] = next
        sources[Int(next)] = order[output]
        next += 1
        for index in firstRemoved..<tokens where Int(partner[index]) == output {
          sources[Int(next)] = order[index]
          next += 1
        }
      }
      offsets[firstRemoved] = next
    }
  }

  package func matchBipartite(
    _ metric: Tensor, prefixTokens: Int, r: Int, nodeMaximum: Tensor,
    into assignment: TokenAssignment
  ) {
    let (tokens, width) = (assignment.tokensIn, metric.shape[2])
    let (even, odd) = ((tokens + 1) / 2, tokens / 2)
    // Special tokens stand first: so many of the even and of the odd positions are theirs.
    let (evenPrefix, oddPrefix) = ((prefixTokens + 1) / 2, prefixTokens / 2)
    eachImage(assignment) { image, scratch, offsets, sources in
      let keys = metric.floats + image * tokens * width
      let similarities = scratch.similarities.floats
      let maxima = nodeMaximum.floats + image * even
      let order = scratch.order.integers
      let partner = order + tokens
      let isMerged = order + 2 * tokens
      product(
        .transposed, even, odd, width, keys, 2 * width, keys + width, 2 * width, similarities, odd)
      lab_row_maxima(similarities, even, odd, odd, oddPrefix, maxima, partner)
      for special in 0..<evenPrefix { maxima[special] = -.infinity }
      lab_argsort_descending(maxima, even, scratch.keys.sortKeys, order)
      isMerged.update(repeating: 0, count: even)
      for rank in 0..<r { isMerged[Int(order[rank])] = 1 }

      var output = 0
      var next = 0
      func begin() {
        offsets[output] = Int32(next)
        output += 1
      }
      func add(_ token: Int) {
        sources[next] = Int32(token)
        next += 1
      }
      for special in 0..<prefixTokens {
        begin()
        add(special)
      }
      for index in evenPrefix..<even where isMerged[index] == 0 {
        begin()
        add(2 * index)
      }
      for index in oddPrefix..<odd {
        begin()
        add(2 * index + 1)
        for rank in 0..<r where Int(partner[Int(order[rank])]) == index {
          add(2 * Int(order[rank]))
        }
      }
      offsets[output] = Int32(next)
      assert(output == assignment.tokensOut && next == tokens)
    }
  }

  package func assemble(
    _ tokens: Tensor, _ assignment: TokenAssignment, weighting: TokenWeighting, scores: Tensor?,
    sizes: Tensor?, into output: Tensor, outputSizes: Tensor?
  ) {
    let (batch, before, after) = (
      assignment.batchSize, assignment.tokensIn, assignment.tokensOut
    )
    let width = tokens.shape[2]
    let mode: Int
    switch weighting {
    case .mean: mode = LAB_WEIGHT_MEAN
    case .size: mode = LAB_WEIGHT_SIZE
    case .score: mode = LAB_WEIGHT_SCORE
    }
    parallel { worker in
      let own = share(of: batch * after, worker: worker)
      var row = own.lowerBound
      while row < own.upperBound {
        let image = row / after
        let last = min(own.upperBound, (image + 1) * after)
        lab_assemble(
          tokens.floats + image * before * width, width,
          assignment.offsets.integers + image * (after + 1),
          assignment.sources.integers + image * before, Int32(mode), after - 1,
          scores.map { UnsafePointer($0.floats + image * before) },
          sizes.map { UnsafePointer($0.floats + image * before) }, row - image * after,
          last - image * after, output.floats + image * after * width,
          outputSizes.map { $0.floats + image * after })
        row = last
      }
    }
  }

  /// The prefix in place, then the patch tokens by descending score.
  private func rank(
    _ scores: UnsafePointer<Float>, _ tokens: Int, _ prefixTokens: Int, _ scratch: Scratch,
    into order: UnsafeMutablePointer<Int32>
  ) {
    for index in 0..<prefixTokens { order[index] = Int32(index) }
    let patches = order + prefixTokens
    lab_argsort_descending(
      scores + prefixTokens, tokens - prefixTokens, scratch.keys.sortKeys, patches)
    for index in 0..<(tokens - prefixTokens) { patches[index] += Int32(prefixTokens) }
  }

  /// Runs a selection on every image, several at once where there are several.
  private func eachImage(
    _ assignment: TokenAssignment,
    _ body: (
      _ image: Int, _ scratch: Scratch, _ offsets: UnsafeMutablePointer<Int32>,
      _ sources: UnsafeMutablePointer<Int32>
    ) -> Void
  ) {
    let (before, after) = (assignment.tokensIn, assignment.tokensOut)
    func run(_ image: Int, _ worker: Int) {
      body(
        image, scratch[worker], assignment.offsets.integers + image * (after + 1),
        assignment.sources.integers + image * before)
    }
    // One image is one worker's, without waking the others.
    if assignment.batchSize == 1 { return run(0, 0) }
    parallel { worker in
      for image in share(of: assignment.batchSize, worker: worker) { run(image, worker) }
    }
  }
}

extension Tensor {
  /// The elements of an `.int64` tensor as the sort's keys.
  fileprivate var sortKeys: UnsafeMutablePointer<UInt64> {
    storage.address.assumingMemoryBound(to: UInt64.self)
  }
}
