/// ConvNeXt of its authors' repository.
///
/// Source: facebookresearch/ConvNeXt, models/convnext.py; timm 1.0.31, `checkpoint_filter_fn` of
/// models/convnext.py.
struct FacebookConvNeXtLayout: CheckpointLayout {
  let name = "ConvNeXt's own repository"

  func detects(_ keys: Set<String>) -> Bool { keys.contains("downsample_layers.0.0.weight") }

  func source(of key: String) -> TensorSource {
    if let outside = key.moved([
      ("stem.", "downsample_layers.0."), ("head.norm.", "norm."), ("head.fc.", "head."),
    ]) {
      return .tensor(outside)
    }
    let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
    guard parts.count == 3, parts[0] == "stages" else { return .tensor(key) }
    if let halving = parts[2].moved([("downsample.", "downsample_layers.\(parts[1]).")]) {
      return .tensor(halving)
    }
    let block = parts[2].split(separator: ".", maxSplits: 2).map(String.init)
    guard block.count == 3, block[0] == "blocks" else { return .tensor(key) }
    let part = block[2].moved([
      ("conv_dw.", "dwconv."), ("mlp.fc1.", "pwconv1."), ("mlp.fc2.", "pwconv2."),
    ])
    return .tensor("stages.\(parts[1]).\(block[1]).\(part ?? block[2])")
  }
}
