/// torchvision's `vit_*`.
///
/// Source: torchvision 0.24, models/vision_transformer.py.
struct TorchvisionViTLayout: CheckpointLayout {
  let name = "torchvision"
  /// The layers of the feed-forward network, whose names changed with version 2 of its module.
  private var mlp = ("mlp.0.", "mlp.3.")

  func detects(_ keys: Set<String>) -> Bool {
    keys.contains("conv_proj.weight") && keys.contains("encoder.pos_embedding")
  }

  func adapted(to keys: Set<String>) -> any CheckpointLayout {
    var layout = self
    if keys.contains("encoder.layers.encoder_layer_0.mlp.linear_1.weight") {
      layout.mlp = ("mlp.linear_1.", "mlp.linear_2.")
    }
    return layout
  }

  func source(of key: String) -> TensorSource {
    switch key {
    case "cls_token": return .tensor("class_token")
    case "pos_embed": return .tensor("encoder.pos_embedding")
    default: break
    }
    for (own, theirs) in [
      ("patch_embed.proj.", "conv_proj."), ("norm.", "encoder.ln."), ("head.", "heads.head."),
    ] where key.hasPrefix(own) {
      return .tensor(theirs + key.dropFirst(own.count))
    }
    let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
    guard parts.count == 3, parts[0] == "blocks" else { return .tensor(key) }
    for (own, theirs) in [
      ("norm1.", "ln_1."), ("norm2.", "ln_2."), ("attn.qkv.", "self_attention.in_proj_"),
      ("attn.proj.", "self_attention.out_proj."), ("mlp.fc1.", mlp.0), ("mlp.fc2.", mlp.1),
    ] where parts[2].hasPrefix(own) {
      return .tensor(
        "encoder.layers.encoder_layer_\(parts[1])." + theirs + parts[2].dropFirst(own.count))
    }
    return .tensor(key)
  }
}
