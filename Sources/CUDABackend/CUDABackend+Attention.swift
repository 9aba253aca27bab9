import Foundation
import Tensors

extension CUDABackend {
  package func attend(
    _ qkv: Tensor, heads: Int, tokenSize: Tensor?, statistics: AttentionStatistics?,
    into output: Tensor
  ) -> AttentionFindings {
    let (batch, tokens, width) = (output.shape[0], output.shape[1], output.shape[2])
    let headDim = width / heads
    guard HeadWidth.isSupported(headDim) else {
      card.fail("attention", CUDAError.headWidth(headDim))
      return .none
    }
    let sums: KernelArgument = statistics == nil ? .address(nil) : .address(scratch(\.logSumExp))
    let scale = launchAttention(
      qkv.storage.address, batch: batch, tokens: tokens, heads: heads, headDim: headDim,
      scale: 1 / Double(headDim).squareRoot(), tokenSize: tokenSize, sums: sums,
      into: output.storage.address)
    guard let statistics else { return .none }
    if let scores = statistics.classAttention {
      launch(
        "class_attention" + suffix, grid: (Self.blocks(tokens, 8), batch, 1), block: 256,
        .tensor(qkv), .tensor(tokenSize), sums, .int(tokens), .int(heads), .int(headDim),
        .float(scale), .tensor(scores))
    }
    // Received attention is not launched yet: the step that reads it may compute feature scores in
    // the same kernel.
    return AttentionFindings(
      classAttention: statistics.classAttention,
      received: statistics.receivedAttention.map {
        ReceivedAttention(
          sums: $0,
          pending: ReceivedAttention.Pending(
            qkv: qkv, tokenSize: tokenSize, heads: heads, scale: scale,
            headReduction: statistics.headReduction, prefixTokens: statistics.prefixTokens))
      })
  }

  /// Launches attention of qkv rows `[B, N, 3C]` into `[B, N, C]`.
  ///
  /// - Parameter sums: Where to write the log-sum-exp of each row, `[B, H, N]`, or a null address.
  /// - Returns: `scale` for base-2 exponents, as the statistics kernels expect it.
  @discardableResult
  func launchAttention(
    _ qkv: UnsafeMutableRawPointer, batch: Int, tokens: Int, heads: Int, headDim: Int,
    scale: Double, tokenSize: Tensor?, sums: KernelArgument = .address(nil),
    into output: UnsafeMutableRawPointer
  ) -> Float {
    let plan = AttentionLaunch(
      batch: batch, tokens: tokens, heads: heads, headDim: headDim,
      multiprocessors: card.facts.multiprocessors, sharedBytes: card.facts.sharedBytes,
      tensorCores: attendsOnTensorCores, suffix: suffix)
    // The kernels use 2^x, which GPUs compute in hardware.
    let scale = Float(1.4426950408889634 * scale)
    naming("attention") {
      launch(
        plan.kernel, grid: plan.grid, block: plan.block, shared: plan.shared,
        overlaps: attendsOnTensorCores,
        arguments: [
          .address(qkv), .tensor(tokenSize), .address(output), sums, .int(tokens), .int(heads),
          .int(headDim), .float(scale),
        ] + (plan.keyGroups.map { [.int($0)] } ?? []))
    }
    return scale
  }

  /// Launches the partial sums of received attention and, in the same kernel, feature scores.
  ///
  /// - Returns: The number of partial sums of each token in `scratch.partials`.
  func launchPartials(
    _ pending: ReceivedAttention.Pending, features: FeatureOperands? = nil
  ) -> Int {
    let (batch, tokens) = (pending.qkv.shape[0], pending.qkv.shape[1])
    let headDim = pending.qkv.shape[2] / 3 / pending.heads
    let plan = ReceivedLaunch(
      batch: batch, tokens: tokens, heads: pending.heads,
      multiprocessors: card.facts.multiprocessors, sharedBytes: card.facts.sharedBytes,
      tensorCores: usesTensorCores, hasFeatures: features != nil)
    launch(
      plan.kernel + suffix, grid: (plan.keyBlocks, plan.rowBlocks + plan.featureRows, batch),
      block: plan.block, shared: plan.shared, .tensor(pending.qkv), .tensor(pending.tokenSize),
      .address(scratch(\.logSumExp)), .int(tokens), .int(pending.heads), .int(headDim),
      .float(pending.scale), .int(pending.prefixTokens), .int(pending.headReduction.kernelMode),
      .int(plan.rowBlocks), .address(scratch(\.partials)), .tensor(features?.scores),
      .int(features?.feature.rawValue ?? 0), .int(features?.reduction.kernelMode ?? 0))
    return plan.rowBlocks
  }

  package func complete(_ received: ReceivedAttention) {
    guard let pending = received.pending else { return }
    let rowBlocks = launchPartials(pending)
    let (batch, tokens) = (pending.qkv.shape[0], pending.qkv.shape[1])
    launch(
      "received_attention_sum", grid: (Self.blocks(tokens, 256), batch, 1), block: 256,
      .address(scratch(\.partials)), .int(rowBlocks), .int(tokens),
      .int(pending.headsToAverage), .tensor(received.sums))
  }
}

extension ReceivedAttention.Pending {
  /// The divisor of the sum over heads.
  var headsToAverage: Int { headReduction == .mean ? heads : 1 }
}

extension HeadReduction {
  /// The value that the kernels use.
  var kernelMode: Int {
    switch self {
    case .max: 0
    case .mean: 1
    case .sum: 2
    }
  }
}
