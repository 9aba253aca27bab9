/// The Swin transformer of its authors' repository.
///
/// A stage ends with the layer that halves the grid, where timm's next begins with it.
/// Source: microsoft/Swin-Transformer, models/swin_transformer.py; timm 1.0.31,
/// `checkpoint_filter_fn` of models/swin_transformer.py.
struct MicrosoftSwinLayout: CheckpointLayout {
  let name = "Microsoft"

  func detects(_ keys: Set<String>) -> Bool {
    keys.contains("layers.0.downsample.reduction.weight")
      && keys.contains("patch_embed.proj.weight")
  }

  func source(of key: String) -> TensorSource {
    if let head = key.moved([("head.fc.", "head.")]) { return .tensor(head) }
    let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
    guard parts.count == 3, parts[0] == "layers", parts[2].hasPrefix("downsample."),
      let stage = Int(parts[1])
    else { return .tensor(key) }
    return .tensor("layers.\(stage - 1).\(parts[2])")
  }
}
