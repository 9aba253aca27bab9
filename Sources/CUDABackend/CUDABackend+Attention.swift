import Foundation
import Tensors

extension CUDABackend {
  package func attend(
    _ qkv: Tensor, heads: Int, tokenSize: Tensor?, statistics: AttentionStatistics?,
    into output: Tensor
  ) {
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
      let blocks = Self.blocks(tokens, 64)
      let partials = scratch(\.partials)
      launch(
        (usesTensorCores ? "received_attention_mma" : "received_attention_fma") + suffix,
        grid: (blocks, blocks, batch), block: usesTensorCores ? 128 : 256,
        shared: usesTensorCores ? 36_864 : 18_432, .tensor(qkv), .tensor(tokenSize), sums,
        .int(tokens), .int(heads), .int(headDim), .float(scale), .int(statistics.prefixTokens),
        .int(statistics.headReduction.kernelMode), .address(partials))
      launch(
        "received_attention_sum", grid: (Self.blocks(tokens, 256), batch, 1), block: 256,
        .address(partials), .int(blocks), .int(tokens),
        .int(statistics.headReduction == .mean ? heads : 1), .tensor(received))
    }
  }
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
