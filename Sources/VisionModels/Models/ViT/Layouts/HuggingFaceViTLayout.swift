/// Hugging Face's vision transformers: `ViT…`, `DeiT…`, `Dinov2…` and `Dinov2WithRegisters…`.
///
/// Source: transformers 5.24, models/vit, deit, dinov2 and dinov2_with_registers, `modeling_*.py`.
struct HuggingFaceViTLayout: CheckpointLayout {
  let name = "Hugging Face"
  /// What stands before the backbone's names: `vit.`, `dinov2.`, or nothing.
  private var base = ""
  private var keys: Set<String> = []
  // As published; `adapted` finds those of the modules of version 5.
  private var layers = "encoder.layer."
  private var projections = ["attention.query", "attention.key", "attention.value"]

  private static let anchor = "embeddings.patch_embeddings.projection.weight"

  func detects(_ keys: Set<String>) -> Bool {
    keys.contains { $0.hasSuffix(Self.anchor) }
      && keys.contains {
        $0.hasSuffix("layer.0.attention.attention.query.weight")
          || $0.hasSuffix("layers.0.attention.q_proj.weight")
          || $0.hasSuffix("layer.0.attention.q_proj.weight")
      }
  }

  func adapted(to keys: Set<String>) -> any CheckpointLayout {
    var layout = self
    layout.keys = keys
    let found = keys.first { $0.hasSuffix(Self.anchor) } ?? Self.anchor
    layout.base = String(found.dropLast(Self.anchor.count))
    let layers = ["encoder.layer.", "layers."].first {
      keys.contains("\(layout.base)\($0)0.layernorm_before.weight")
        || keys.contains("\(layout.base)\($0)0.norm1.weight")
    }
    layout.layers = layers ?? layout.layers
    if keys.contains("\(layout.base)\(layout.layers)0.attention.q_proj.weight") {
      layout.projections = ["q_proj", "k_proj", "v_proj"]
    }
    return layout
  }

  private var hasRegisters: Bool { keys.contains(base + "embeddings.register_tokens") }

  func source(of key: String) -> TensorSource {
    let positions = TensorSource.tensor(base + "embeddings.position_embeddings")
    let classToken = TensorSource.tensor(base + "embeddings.cls_token")
    switch key {
    // timm adds the class token's position to it where registers follow.
    case "cls_token":
      return hasRegisters
        ? .sum([classToken, .tokens(positions, from: 0, upTo: 1)]) : classToken
    case "pos_embed": return hasRegisters ? .tokens(positions, from: 1, upTo: nil) : positions
    case "dist_token": return .tensor(base + "embeddings.distillation_token")
    // A distillation token that no classifier reads is a register with a position.
    case "reg_token":
      return .tensor(
        base + (hasRegisters ? "embeddings.register_tokens" : "embeddings.distillation_token"))
    default: break
    }
    for (own, theirs) in [
      ("patch_embed.proj.", base + "embeddings.patch_embeddings.projection."),
      ("norm.", base + "layernorm."), ("head_dist.", "distillation_classifier."),
      ("head.", keys.contains("cls_classifier.weight") ? "cls_classifier." : "classifier."),
    ] where key.hasPrefix(own) {
      return .tensor(theirs + key.dropFirst(own.count))
    }
    return block(key)
  }

  private func block(_ key: String) -> TensorSource {
    let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
    guard parts.count == 3, parts[0] == "blocks" else { return .tensor(key) }
    let part = parts[2]
    let layer = base + layers + parts[1] + "."
    if part.hasPrefix("attn.qkv.") {
      let kind = part.dropFirst("attn.qkv.".count)
      return .concatenation(
        projections.map { .tensor("\(layer)attention.\($0).\(kind)") })
    }
    let names = [
      ("attn.proj.", ["attention.output.dense.", "attention.o_proj."]),
      ("mlp.fc1.", ["intermediate.dense.", "mlp.fc1.", "mlp.weights_in."]),
      ("mlp.fc2.", ["output.dense.", "mlp.fc2.", "mlp.weights_out."]),
      ("norm1.", ["layernorm_before.", "norm1."]), ("norm2.", ["layernorm_after.", "norm2."]),
      ("ls1.gamma", ["layer_scale1.lambda1"]), ("ls2.gamma", ["layer_scale2.lambda1"]),
    ]
    for (own, theirs) in names where part.hasPrefix(own) {
      let rest = part.dropFirst(own.count)
      let found = theirs.first { keys.contains(layer + $0 + rest) } ?? theirs[0]
      return .tensor(layer + found + rest)
    }
    return .tensor(key)
  }
}
