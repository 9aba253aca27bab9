/// Hugging Face's `Swin…`, as published and as the modules of version 5 name them.
///
/// A stage ends with the layer that halves the grid, where timm's next begins with it.
/// Source: transformers 5.24, models/swin/modeling_swin.py.
struct HuggingFaceSwinLayout: CheckpointLayout {
  let name = "Hugging Face"
  /// What stands before the backbone's names: `swin.`, or nothing.
  private var base = ""
  private var hasModuleNames = false

  private static let anchor = "encoder.layers.0.blocks.0.layernorm_before.weight"

  func detects(_ keys: Set<String>) -> Bool { keys.contains { $0.hasSuffix(Self.anchor) } }

  func adapted(to keys: Set<String>) -> any CheckpointLayout {
    var layout = self
    let found = keys.first { $0.hasSuffix(Self.anchor) } ?? Self.anchor
    layout.base = String(found.dropLast(Self.anchor.count))
    layout.hasModuleNames = keys.contains(
      layout.base + "encoder.layers.0.blocks.0.attention.q_proj.weight")
    return layout
  }

  func source(of key: String) -> TensorSource {
    if let outside = key.moved([
      ("patch_embed.proj.", base + "embeddings.patch_embeddings.projection."),
      ("patch_embed.norm.", base + "embeddings.norm."), ("norm.", base + "layernorm."),
      ("head.fc.", "classifier."),
    ]) {
      return .tensor(outside)
    }
    let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
    guard parts.count == 3, parts[0] == "layers", let stage = Int(parts[1]) else {
      return .tensor(key)
    }
    if parts[2].hasPrefix("downsample.") {
      return .tensor("\(base)encoder.layers.\(stage - 1).\(parts[2])")
    }
    let block = parts[2].split(separator: ".", maxSplits: 2).map(String.init)
    guard block.count == 3, block[0] == "blocks" else { return .tensor(key) }
    return source(of: block[2], in: "\(base)encoder.layers.\(stage).blocks.\(block[1]).")
  }

  private func source(of part: String, in block: String) -> TensorSource {
    let attention = block + (hasModuleNames ? "attention." : "attention.self.")
    if part.hasPrefix("attn.qkv.") {
      let names =
        hasModuleNames ? ["q_proj", "k_proj", "v_proj"] : ["query", "key", "value"]
      let kind = part.dropFirst("attn.qkv.".count)
      return .concatenation(names.map { .tensor("\(attention)\($0).\(kind)") })
    }
    let moved = part.moved([
      (
        "attn.relative_position_bias_table",
        (hasModuleNames ? "attention.relative_position_bias." : "attention.self.")
          + "relative_position_bias_table"
      ),
      ("attn.proj.", hasModuleNames ? "attention.o_proj." : "attention.output.dense."),
      ("norm1.", "layernorm_before."), ("norm2.", "layernorm_after."),
      ("mlp.fc1.", hasModuleNames ? "mlp.fc1." : "intermediate.dense."),
      ("mlp.fc2.", hasModuleNames ? "mlp.fc2." : "output.dense."),
    ])
    return .tensor(block + (moved ?? part))
  }
}
