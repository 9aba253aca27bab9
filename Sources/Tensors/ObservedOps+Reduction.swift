/// The operations of a token reduction.
extension ObservedOps {
  package func complete(_ received: ReceivedAttention) {
    guard received.pending != nil else { return }
    observe(
      PassOperation(
        .scores, .scoreExtent(received.sums), bytesRead: 0, bytesWritten: received.sums.bytes)
    ) { $0.complete(received) }
  }

  package func randomScores(
    seed: UInt64, imageKeys: UnsafePointer<UInt64>, into scores: Tensor
  ) {
    observe(
      PassOperation(.scores, .scoreExtent(scores), bytesRead: 0, bytesWritten: scores.bytes)
    ) { $0.randomScores(seed: seed, imageKeys: imageKeys, into: scores) }
  }

  package func featureScores(
    _ qkv: Tensor, heads: Int, feature: AttentionFeature, reduction: HeadReduction,
    into scores: Tensor
  ) {
    // One third of the fused rows is read.
    observe(
      PassOperation(
        .scores, .scoreExtent(scores), bytesRead: qkv.bytes / 3, bytesWritten: scores.bytes)
    ) {
      $0.featureScores(qkv, heads: heads, feature: feature, reduction: reduction, into: scores)
    }
  }

  package func combineScores(
    attention: Tensor?, features: Tensor?, prefixTokens: Int, normalization: ScoreNormalization,
    into scores: Tensor
  ) {
    observe(
      PassOperation(
        .scores, .scoreExtent(scores), bytesRead: (attention?.bytes ?? 0) + (features?.bytes ?? 0),
        bytesWritten: scores.bytes)
    ) {
      $0.combineScores(
        attention: attention, features: features, prefixTokens: prefixTokens,
        normalization: normalization, into: scores)
    }
  }

  package func resetSizes(_ sizes: Tensor) {
    observe(
      PassOperation(.scores, .scoreExtent(sizes), bytesRead: 0, bytesWritten: sizes.bytes)
    ) { $0.resetSizes(sizes) }
  }

  package func keyMetric(_ qkv: Tensor, heads: Int, into metric: Tensor) {
    observe(
      PassOperation(
        .scores, .scoreExtent(metric), bytesRead: qkv.bytes / 3, bytesWritten: metric.bytes)
    ) { $0.keyMetric(qkv, heads: heads, into: metric) }
  }

  package func selectTokens(
    _ scores: Tensor, prefixTokens: Int, keep: Int, fuse: Bool, into assignment: TokenAssignment
  ) {
    observe(
      PassOperation(
        .selection, .assignmentExtent(assignment, width: 1), bytesRead: scores.bytes,
        bytesWritten: assignment.bytes)
    ) {
      $0.selectTokens(
        scores, prefixTokens: prefixTokens, keep: keep, fuse: fuse, into: assignment)
    }
  }

  package func selectAndMatch(
    _ scores: Tensor, metric: Tensor, prefixTokens: Int, keep: Int,
    into assignment: TokenAssignment
  ) {
    let gone = assignment.tokensIn - prefixTokens - keep
    observe(
      PassOperation(
        .selection, .assignmentExtent(assignment, width: metric.shape[2]),
        macs: assignment.batchSize * gone * keep * metric.shape[2],
        bytesRead: scores.bytes + metric.bytes, bytesWritten: assignment.bytes)
    ) {
      $0.selectAndMatch(
        scores, metric: metric, prefixTokens: prefixTokens, keep: keep, into: assignment)
    }
  }

  package func matchBipartite(
    _ metric: Tensor, prefixTokens: Int, r: Int, nodeMaximum: Tensor,
    into assignment: TokenAssignment
  ) {
    let tokens = assignment.tokensIn
    let pairs = (tokens + 1) / 2 * (tokens / 2)
    observe(
      PassOperation(
        .selection, .assignmentExtent(assignment, width: metric.shape[2]),
        macs: assignment.batchSize * pairs * metric.shape[2], bytesRead: metric.bytes,
        bytesWritten: nodeMaximum.bytes + assignment.bytes)
    ) {
      $0.matchBipartite(
        metric, prefixTokens: prefixTokens, r: r, nodeMaximum: nodeMaximum, into: assignment)
    }
  }

  package func assemble(
    _ tokens: Tensor, _ assignment: TokenAssignment, weighting: TokenWeighting, scores: Tensor?,
    sizes: Tensor?, into output: Tensor, outputSizes: Tensor?
  ) {
    observe(
      PassOperation(
        .assembly, .assignmentExtent(assignment, width: tokens.shape[2]),
        bytesRead: tokens.bytes + assignment.bytes + (scores?.bytes ?? 0) + (sizes?.bytes ?? 0),
        bytesWritten: output.bytes + (outputSizes?.bytes ?? 0))
    ) {
      $0.assemble(
        tokens, assignment, weighting: weighting, scores: scores, sizes: sizes, into: output,
        outputSizes: outputSizes)
    }
  }

  package func runOnHost(_ step: HostStep) { observe(step.operation) { $0.runOnHost(step) } }

  /// Passed on as a whole: a device may need fewer launches for a step than for its parts.
  package func reduce(_ selection: TokenSelection) {
    guard !composesBlocks else { return reduceByParts(selection) }
    let assignment = selection.assignment
    var read = selection.stream.bytes
    if case .tailEffect(let attention, let features, _) = selection.score {
      // One third of the fused rows is read.
      read +=
        (attention?.sums.bytes ?? 0) + (features.map { $0.scores.bytes + $0.qkv.bytes / 3 } ?? 0)
    }
    observe(
      PassOperation(
        .reduction, .assignmentExtent(assignment, width: selection.stream.shape[2]),
        bytesRead: read,
        bytesWritten: selection.scores.bytes + assignment.bytes + selection.output.bytes)
    ) { $0.reduce(selection) }
  }
}
