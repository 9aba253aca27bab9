import Foundation
import Tensors

extension CUDABackend {
  package func attend(
    _ qkv: Tensor, heads: Int, tokenSize: Tensor?, statistics: AttentionStatistics?,
    into output: Tensor
  ) {
    finishAwaited()
    let (batch, tokens, width) = (output.shape[0], output.shape[1], output.shape[2])
    let headDim = width / heads
    guard HeadWidth.isSupported(headDim) else {
      return card.fail("attention", CUDAError.headWidth(headDim))
    }
    let plan = AttentionLaunch(
      batch: batch, tokens: tokens, heads: heads, headDim: headDim,
      multiprocessors: card.facts.multiprocessors, tensorCores: usesTensorCores, suffix: suffix)
    // Logits in powers of two: the card's exponential is one.
    let scale = Float(1.4426950408889634 / Double(headDim).squareRoot())
    let sums: KernelArgument = statistics == nil ? .address(nil) : .address(scratch(\.logSumExp))
    if let groups = plan.keyGroups {
      launch(
        plan.kernel, grid: plan.grid, block: plan.block, shared: plan.shared, .tensor(qkv),
        .tensor(tokenSize), .tensor(output), sums, .int(tokens), .int(heads), .int(headDim),
        .float(scale), .int(groups))
    } else {
      launch(
        plan.kernel, grid: plan.grid, block: plan.block, shared: plan.shared, .tensor(qkv),
        .tensor(tokenSize), .tensor(output), sums, .int(tokens), .int(heads), .int(headDim),
        .float(scale))
    }
    guard let statistics else { return }
    if let scores = statistics.classAttention {
      launch(
        "class_attention" + suffix, grid: (Self.blocks(tokens, 8), batch, 1), block: 256,
        .tensor(qkv), .tensor(tokenSize), sums, .int(tokens), .int(heads), .int(headDim),
        .float(scale), .tensor(scores))
    }
    if let received = statistics.receivedAttention {
      // The step that reads it may want the features of tokens in the same kernel.
      awaited = AwaitedAttention(
        qkv: qkv, tokenSize: tokenSize, heads: heads, scale: scale, statistics: statistics,
        received: received)
    }
  }

  /// Launches the sums of what tokens receive, and with them the scores of what they hold.
  ///
  /// Returns how many sums there are for each token, in scratch memory.
  func launchPartials(_ awaited: AwaitedAttention, features: FeatureOperands? = nil) -> Int {
    let (batch, tokens) = (awaited.qkv.shape[0], awaited.qkv.shape[1])
    let headDim = awaited.qkv.shape[2] / 3 / awaited.heads
    let plan = ReceivedLaunch(
      batch: batch, tokens: tokens, heads: awaited.heads,
      multiprocessors: card.facts.multiprocessors, sharedBytes: card.facts.sharedBytes,
      tensorCores: usesTensorCores, hasFeatures: features != nil)
    launch(
      plan.kernel + suffix, grid: (plan.keyBlocks, plan.rowBlocks + plan.featureRows, batch),
      block: plan.block, shared: plan.shared, .tensor(awaited.qkv), .tensor(awaited.tokenSize),
      .address(scratch(\.logSumExp)), .int(tokens), .int(awaited.heads), .int(headDim),
      .float(awaited.scale), .int(awaited.statistics.prefixTokens),
      .int(awaited.statistics.headReduction.kernelMode), .int(plan.rowBlocks),
      .address(scratch(\.partials)), .tensor(features?.scores),
      .int(features?.feature.rawValue ?? 0), .int(features?.reduction.kernelMode ?? 0))
    return plan.rowBlocks
  }

  /// Writes what an attention has been asked for and nobody has read yet.
  func finishAwaited() {
    guard let awaited else { return }
    self.awaited = nil
    let rowBlocks = launchPartials(awaited)
    let (batch, tokens) = (awaited.qkv.shape[0], awaited.qkv.shape[1])
    launch(
      "received_attention_sum", grid: (Self.blocks(tokens, 256), batch, 1), block: 256,
      .address(scratch(\.partials)), .int(rowBlocks), .int(tokens),
      .int(awaited.headsToAverage), .tensor(awaited.received))
  }
}

/// Received attention that has been asked for, to be computed by the operation that reads it.
struct AwaitedAttention {
  let qkv: Tensor
  let tokenSize: Tensor?
  let heads: Int
  let scale: Float
  let statistics: AttentionStatistics
  let received: Tensor

  /// What the sum over heads is divided by.
  var headsToAverage: Int { statistics.headReduction == .mean ? heads : 1 }
}

extension HeadReduction {
  /// As the kernels count them.
  var kernelMode: Int {
    switch self {
    case .max: 0
    case .mean: 1
    case .sum: 2
    }
  }
}
