/// Hugging Face's `ConvNext…`.
///
/// Source: transformers 5.24, models/convnext/modeling_convnext.py.
struct HuggingFaceConvNeXtLayout: CheckpointLayout {
  let name = "Hugging Face"
  /// What stands before the backbone's names: `convnext.`, or nothing.
  private var base = ""

  private static let anchor = "encoder.stages.0.layers.0.dwconv.weight"

  func detects(_ keys: Set<String>) -> Bool { keys.contains { $0.hasSuffix(Self.anchor) } }

  func adapted(to keys: Set<String>) -> any CheckpointLayout {
    var layout = self
    let found = keys.first { $0.hasSuffix(Self.anchor) } ?? Self.anchor
    layout.base = String(found.dropLast(Self.anchor.count))
    return layout
  }

  func source(of key: String) -> TensorSource {
    if let outside = key.moved([
      ("stem.0.", base + "embeddings.patch_embeddings."),
      ("stem.1.", base + "embeddings.layernorm."), ("head.norm.", base + "layernorm."),
      ("head.fc.", "classifier."),
    ]) {
      return .tensor(outside)
    }
    let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
    guard parts.count == 3, parts[0] == "stages" else { return .tensor(key) }
    let stage = "\(base)encoder.stages.\(parts[1])."
    if let halving = parts[2].moved([("downsample.", "downsampling_layer.")]) {
      return .tensor(stage + halving)
    }
    let block = parts[2].split(separator: ".", maxSplits: 2).map(String.init)
    guard block.count == 3, block[0] == "blocks" else { return .tensor(key) }
    let part = block[2].moved([
      ("conv_dw.", "dwconv."), ("norm.", "layernorm."), ("mlp.fc1.", "pwconv1."),
      ("mlp.fc2.", "pwconv2."), ("gamma", "layer_scale_parameter"),
    ])
    return .tensor("\(stage)layers.\(block[1]).\(part ?? block[2])")
  }
}
