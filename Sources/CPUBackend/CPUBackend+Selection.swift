import CKernels
import Tensors

extension CPUBackend {
  package func selectTokens(
    _ scores: Tensor, prefixTokens: Int, keep: Int, fuse: Bool, into assignment: TokenAssignment
  ) {
    assert(prefixTokens + keep + (fuse ? 1 : 0) == assignment.tokensOut)
    select(.byScore(scores, fuse: fuse), prefixTokens, into: assignment)
  }

  package func selectAndMatch(
    _ scores: Tensor, metric: Tensor, prefixTokens: Int, keep: Int,
    into assignment: TokenAssignment
  ) {
    select(.byScoreIntoPartners(scores, metric: metric, keep: keep), prefixTokens, into: assignment)
  }

  package func matchBipartite(
    _ metric: Tensor, prefixTokens: Int, r: Int, nodeMaximum: Tensor,
    into assignment: TokenAssignment
  ) {
    select(
      .byPairs(metric: metric, r: r, nodeMaximum: nodeMaximum), prefixTokens, into: assignment)
  }

  private func select(
    _ rule: SelectionRegion.Rule, _ prefixTokens: Int, into assignment: TokenAssignment
  ) {
    let region = SelectionRegion(
      backend: self, rule: rule, prefixTokens: prefixTokens, assignment: assignment)
    // A single image is selected on the calling thread, without waking the workers.
    if assignment.batchSize == 1 { return region.select(image: 0, worker: 0) }
    run(region) { SelectionRegion.enter($0, $1) }
  }

  package func runOnHost(_ step: HostStep) {
    // Whole images per worker if that divides them about evenly; else all workers share one image
    // after another.
    let batch = step.batchSize
    if threads > 1, batch % threads == 0 || batch >= 3 * threads {
      return run(HostStepRegion(backend: self, step: step)) { HostStepRegion.enter($0, $1) }
    }
    let workers = threads > 1 ? HostWorkers(pool: pool) : .alone
    for image in 0..<batch { step.run(image: image, workers: workers) }
  }

  package func assemble(
    _ tokens: Tensor, _ assignment: TokenAssignment, weighting: TokenWeighting, scores: Tensor?,
    sizes: Tensor?, into output: Tensor, outputSizes: Tensor?
  ) {
    run(
      AssemblyRegion(
        backend: self, tokens: tokens, assignment: assignment, weighting: weighting,
        scores: scores, sizes: sizes, output: output, outputSizes: outputSizes)
    ) { AssemblyRegion.enter($0, $1) }
  }
}

/// A reduction step without a kernel of its own; tasks are images.
private struct HostStepRegion: ParallelRegion {
  let backend: CPUBackend
  let step: HostStep

  func run(worker: Int) {
    while let image = backend.nextTask(below: step.batchSize, worker: worker) {
      step.run(image: image)
    }
  }
}

/// Selects the tokens of every image; images are divided among workers.
private struct SelectionRegion: ParallelRegion {
  enum Rule {
    case byScore(Tensor, fuse: Bool)
    case byScoreIntoPartners(Tensor, metric: Tensor, keep: Int)
    case byPairs(metric: Tensor, r: Int, nodeMaximum: Tensor)
  }

  let backend: CPUBackend
  let rule: Rule
  let prefixTokens: Int
  let assignment: TokenAssignment

  func run(worker: Int) {
    for image in backend.share(of: assignment.batchSize, worker: worker) {
      select(image: image, worker: worker)
    }
  }

  func select(image: Int, worker: Int) {
    let scratch = backend.scratch[worker]
    let tokens = assignment.tokensIn
    var list = SourceList(
      offsets: assignment.offsets.integers + image * (assignment.tokensOut + 1),
      sources: assignment.sources.integers + image * tokens)
    switch rule {
    case .byScore(let scores, let fuse):
      rank(scores.floats + image * tokens, scratch, into: list.sources)
      // One source an output; with `fuse` the last output takes all that is left.
      for index in 0...assignment.tokensOut { list.offsets[index] = Int32(index) }
      if fuse { list.offsets[assignment.tokensOut] = Int32(tokens) }
    case .byScoreIntoPartners(let scores, let metric, let keep):
      selectPartners(
        scores.floats + image * tokens, metric.floats + image * tokens * metric.shape[2],
        width: metric.shape[2], keep: keep, scratch, into: &list)
    case .byPairs(let metric, let r, let nodeMaximum):
      match(
        metric.floats + image * tokens * metric.shape[2], width: metric.shape[2], r: r, scratch,
        maxima: nodeMaximum.floats + image * nodeMaximum.shape[1], into: &list)
    }
  }

  /// The prefix in place, then the patch tokens by descending score.
  private func rank(
    _ scores: UnsafePointer<Float>, _ scratch: Scratch, into order: UnsafeMutablePointer<Int32>
  ) {
    let patches = assignment.tokensIn - prefixTokens
    for index in 0..<prefixTokens { order[index] = Int32(index) }
    let ranked = order + prefixTokens
    lab_argsort_descending(scores + prefixTokens, patches, scratch.keys.sortKeys, ranked)
    for index in 0..<patches { ranked[index] += Int32(prefixTokens) }
  }

  private func selectPartners(
    _ scores: UnsafePointer<Float>, _ keys: UnsafePointer<Float>, width: Int, keep: Int,
    _ scratch: Scratch, into list: inout SourceList
  ) {
    let tokens = assignment.tokensIn
    let order = scratch.order.integers
    let partner = order + tokens
    rank(scores, scratch, into: order)
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
    for output in 0..<firstRemoved {
      list.begin()
      list.add(Int(order[output]))
      for index in firstRemoved..<tokens where Int(partner[index]) == output {
        list.add(Int(order[index]))
      }
    }
    list.end()
  }

  private func match(
    _ keys: UnsafePointer<Float>, width: Int, r: Int, _ scratch: Scratch,
    maxima: UnsafeMutablePointer<Float>, into list: inout SourceList
  ) {
    let tokens = assignment.tokensIn
    let (even, odd) = ((tokens + 1) / 2, tokens / 2)
    // Prefix tokens come first: this many of the even and of the odd positions are prefix tokens.
    let (evenPrefix, oddPrefix) = ((prefixTokens + 1) / 2, prefixTokens / 2)
    let candidates = even - evenPrefix
    precondition(r <= candidates && (r == 0 || oddPrefix < odd), "more pairs than patch tokens")
    let similarities = scratch.similarities.floats
    let order = scratch.order.integers
    let partner = order + tokens
    let isMerged = order + 2 * tokens
    let packed = scratch.packedHead.floats
    lab_pack_transposed(keys + width, odd, width, 2 * width, 0, lab_panels(odd), packed)
    lab_gemm(
      keys, even, 2 * width, packed, odd, width, 0, lab_panels(odd), .nothing, nil,
      GEMMEpilogue.none.kernelMode, similarities, odd, scratch.product.floats)
    lab_row_maxima(similarities, even, odd, odd, oddPrefix, maxima, partner)
    for index in 0..<evenPrefix { maxima[index] = -.infinity }
    // Prefix tokens are left out of the sort: a NaN similarity also counts as -infinity, and a tie
    // could select a prefix token.
    lab_argsort_descending(maxima + evenPrefix, candidates, scratch.keys.sortKeys, order)
    for rank in 0..<candidates { order[rank] += Int32(evenPrefix) }
    isMerged.update(repeating: 0, count: even)
    for rank in 0..<r { isMerged[Int(order[rank])] = 1 }

    for token in 0..<prefixTokens { list.append(token) }
    for index in evenPrefix..<even where isMerged[index] == 0 { list.append(2 * index) }
    for index in oddPrefix..<odd {
      list.append(2 * index + 1)
      for rank in 0..<r where Int(partner[Int(order[rank])]) == index {
        list.add(2 * Int(order[rank]))
      }
    }
    list.end()
  }
}

/// Writes the assignment of one image, output by output.
private struct SourceList {
  let offsets: UnsafeMutablePointer<Int32>
  let sources: UnsafeMutablePointer<Int32>
  private var outputs = 0
  private var count = 0

  init(offsets: UnsafeMutablePointer<Int32>, sources: UnsafeMutablePointer<Int32>) {
    self.offsets = offsets
    self.sources = sources
  }

  /// Starts the next output.
  mutating func begin() {
    offsets[outputs] = Int32(count)
    outputs += 1
  }

  /// Adds a source to the current output.
  mutating func add(_ token: Int) {
    sources[count] = Int32(token)
    count += 1
  }

  /// Starts the next output with this token as its first source.
  mutating func append(_ token: Int) {
    begin()
    add(token)
  }

  mutating func end() { offsets[outputs] = Int32(count) }
}

/// Assembles the output tokens; rows are divided among workers.
private struct AssemblyRegion: ParallelRegion {
  let backend: CPUBackend
  let tokens: Tensor
  let assignment: TokenAssignment
  let weighting: TokenWeighting
  let scores: Tensor?
  let sizes: Tensor?
  let output: Tensor
  let outputSizes: Tensor?

  private var mode: Int32 {
    switch weighting {
    case .mean: Int32(LAB_WEIGHT_MEAN)
    case .size: Int32(LAB_WEIGHT_SIZE)
    case .score: Int32(LAB_WEIGHT_SCORE)
    }
  }

  func run(worker: Int) {
    let (before, after) = (assignment.tokensIn, assignment.tokensOut)
    let width = tokens.shape[2]
    let own = backend.share(of: assignment.batchSize * after, worker: worker)
    var row = own.lowerBound
    while row < own.upperBound {
      let image = row / after
      let last = min(own.upperBound, (image + 1) * after)
      lab_assemble(
        tokens.floats + image * before * width, width,
        assignment.offsets.integers + image * (after + 1),
        assignment.sources.integers + image * before, mode, after - 1,
        scores.map { UnsafePointer($0.floats + image * before) },
        sizes.map { UnsafePointer($0.floats + image * before) }, row - image * after,
        last - image * after, output.floats + image * after * width,
        outputSizes.map { $0.floats + image * after })
      row = last
    }
  }
}

extension Tensor {
  /// The elements of an `.int64` tensor as sort keys.
  fileprivate var sortKeys: UnsafeMutablePointer<UInt64> {
    storage.address.assumingMemoryBound(to: UInt64.self)
  }
}
