/// Google's NumPy archives of ViT and AugReg: kernels have their inputs first, and heads are an
/// axis.
///
/// Source: google-research/vision_transformer, vit_jax/models_vit.py.
struct GoogleViTLayout: CheckpointLayout {
  let name = "Google's npz"

  func detects(_ keys: Set<String>) -> Bool {
    keys.contains("embedding/kernel")
      && keys.contains("Transformer/encoderblock_0/LayerNorm_0/scale")
  }

  func source(of key: String) -> TensorSource {
    switch key {
    case "cls_token": return .tensor("cls")
    case "pos_embed": return .tensor("Transformer/posembed_input/pos_embedding")
    // [height, width, channels, C]
    case "patch_embed.proj.weight": return .permuted(.tensor("embedding/kernel"), [3, 2, 0, 1])
    case "patch_embed.proj.bias": return .tensor("embedding/bias")
    case "head.weight": return .transposition(.tensor("head/kernel"))
    case "head.bias": return .tensor("head/bias")
    default: break
    }
    let parts = key.split(separator: ".").map(String.init)
    if parts.count == 2, parts[0] == "norm" {
      return Self.norm("Transformer/encoder_norm", parts[1])
    }
    guard parts.count >= 4, parts[0] == "blocks", let kind = parts.last else {
      return .tensor(key)
    }
    return Self.block(
      "Transformer/encoderblock_\(parts[1])", parts[2...].dropLast().joined(separator: "."), kind)
      ?? .tensor(key)
  }

  private static func norm(_ place: String, _ kind: String) -> TensorSource {
    .tensor("\(place)/\(kind == "weight" ? "scale" : "bias")")
  }

  private static func block(_ block: String, _ part: String, _ kind: String) -> TensorSource? {
    let attention = "\(block)/MultiHeadDotProductAttention_1"
    let isWeight = kind == "weight"
    switch part {
    case "norm1": return norm("\(block)/LayerNorm_0", kind)
    case "norm2": return norm("\(block)/LayerNorm_2", kind)
    case "attn.qkv":
      // [C, heads, headDim] and [heads, headDim].
      return .concatenation(
        ["query", "key", "value"].map { name in
          isWeight
            ? .transposition(.joined(.tensor("\(attention)/\(name)/kernel"), 1..<3))
            : .joined(.tensor("\(attention)/\(name)/bias"), 0..<2)
        })
    case "attn.proj":
      // [heads, headDim, C]
      return isWeight
        ? .transposition(.joined(.tensor("\(attention)/out/kernel"), 0..<2))
        : .tensor("\(attention)/out/bias")
    case "mlp.fc1", "mlp.fc2":
      let dense = "\(block)/MlpBlock_3/Dense_\(part == "mlp.fc1" ? 0 : 1)"
      return isWeight ? .transposition(.tensor("\(dense)/kernel")) : .tensor("\(dense)/bias")
    default: return nil
    }
  }
}
