import Records

/// A forward pass that a device has taken down and repeats without being told its operations again.
package protocol RecordedPass: AnyObject {
  /// Queues the pass.
  func replay()
  /// Queues the pass between two marks of the device's own clock.
  func replayTimed()
  /// Fills the device's cache with something else, and waits for that.
  func emptyCache()
  /// Between the marks of the last `replayTimed`, after all queued work; `nil` where the device failed.
  func deviceTime() -> Duration?
}

/// What a backend offers beyond its operations; the defaults are those of a processor.
extension Backend {
  package var precision: Precision { .float32 }
  package var activationType: DType { .float32 }
  package var driver: String? { nil }
  package var recordsPasses: Bool { false }
  package var hasFlushableCache: Bool { false }
  package var peakMemoryBytes: Int? { nil }

  package func computing(at precision: Precision) throws -> any Backend {
    guard precision == self.precision else {
      throw TensorsError.precisionUnavailable(precision: precision.rawValue, device: name)
    }
    return self
  }

  package func withArena<Result>(
    bytes: Int?, _ body: () throws -> Result
  ) throws -> Result { try body() }

  package func stageImageKeys(_ keys: UnsafeBufferPointer<UInt64>, in storage: Tensor) {}

  package func record(_ body: () -> Void) throws -> (any RecordedPass)? { nil }

  package func check() throws {}

  package func fail(_ error: any Error) {}

  package func state() -> GPUState? { nil }

  package func resetPeakMemory() {}

  package func reduce(_ selection: TokenSelection) { reduceByParts(selection) }

  /// The operations of a step one after another.
  package func reduceByParts(_ selection: TokenSelection) {
    score(selection.score, prefixTokens: selection.prefixTokens, into: selection.scores)
    selectTokens(
      selection.scores, prefixTokens: selection.prefixTokens, keep: selection.keep,
      fuse: selection.fuse, into: selection.assignment)
    assemble(
      selection.stream, selection.assignment, weighting: selection.weighting,
      scores: selection.scores, sizes: nil, into: selection.output, outputSizes: nil)
  }

  /// Writes the scores that are not there yet.
  package func score(_ origin: ScoreOrigin, prefixTokens: Int, into scores: Tensor) {
    guard case .tailEffect(let attention, let features, let normalization) = origin else { return }
    if let features {
      featureScores(
        features.qkv, heads: features.heads, feature: features.feature,
        reduction: features.reduction, into: features.scores)
    }
    combineScores(
      attention: attention, features: features?.scores, prefixTokens: prefixTokens,
      normalization: normalization, into: scores)
  }
}
