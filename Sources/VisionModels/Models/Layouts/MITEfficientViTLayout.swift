/// EfficientViT-B of its authors' repository.
///
/// Source: mit-han-lab/efficientvit, efficientvit/models/efficientvit/backbone.py, cls.py and
/// models/nn/ops.py (commit 8d60c1c).
struct MITEfficientViTLayout: CheckpointLayout {
  let name = "MIT's EfficientViT repository"

  func detects(_ keys: Set<String>) -> Bool {
    keys.contains("backbone.input_stem.op_list.0.conv.weight")
  }

  func source(of key: String) -> TensorSource {
    if let outside = key.moved([
      ("stem.in_conv.", "backbone.input_stem.op_list.0."), ("head.in_conv.", "head.op_list.0."),
      ("head.classifier.0.", "head.op_list.2.linear."),
      ("head.classifier.1.", "head.op_list.2.norm."),
      ("head.classifier.4.", "head.op_list.3.linear."),
    ]) {
      return .tensor(outside)
    }
    if let rest = key.moved([("stem.res", "")]) {
      let parts = rest.split(separator: ".", maxSplits: 1).map(String.init)
      guard parts.count == 2, let block = Int(parts[0]) else { return .tensor(key) }
      return .tensor("backbone.input_stem.op_list.\(block + 1).\(parts[1])")
    }
    let parts = key.split(separator: ".", maxSplits: 3).map(String.init)
    guard parts.count == 4, parts[0] == "stages", parts[2] == "blocks" else { return .tensor(key) }
    return .tensor("backbone.stages.\(parts[1]).op_list.\(parts[3])")
  }
}
