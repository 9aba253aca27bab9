/// The official DINOv2 checkpoints, backbone and classifier in one file or in two.
///
/// Source: facebookresearch/dinov2, dinov2/models/vision_transformer.py, dinov2/layers and
/// dinov2/hub/classifiers.py.
struct DINOv2HubLayout: CheckpointLayout {
  let name = "DINOv2"
  /// `backbone.` in a file of a backbone with its classifier.
  private var base = ""
  private var keys: Set<String> = []

  func detects(_ keys: Set<String>) -> Bool {
    keys.contains("backbone.patch_embed.proj.weight")
      // timm has neither the mask's token nor registers of this name.
      || keys.contains("register_tokens") && keys.contains("patch_embed.proj.weight")
      || keys.contains("mask_token") && keys.contains("blocks.0.ls1.gamma")
      || keys.contains("blocks.0.mlp.w12.weight")
  }

  func adapted(to keys: Set<String>) -> any CheckpointLayout {
    var layout = self
    layout.keys = keys
    layout.base = keys.contains("backbone.patch_embed.proj.weight") ? "backbone." : ""
    return layout
  }

  func source(of key: String) -> TensorSource {
    let hasRegisters = keys.contains(base + "register_tokens")
    let positions = TensorSource.tensor(base + "pos_embed")
    switch key {
    // timm adds the class token's position to it where registers follow.
    case "cls_token" where hasRegisters:
      return .sum([.tensor(base + "cls_token"), .tokens(positions, from: 0, upTo: 1)])
    case "pos_embed" where hasRegisters: return .tokens(positions, from: 1, upTo: nil)
    case "reg_token": return .tensor(base + "register_tokens")
    default: break
    }
    if key.hasPrefix("head.") {
      let kind = key.dropFirst("head.".count)
      let found = ["linear_head", "linear", "head"].first { keys.contains("\($0).weight") }
      return .tensor("\(found ?? "linear_head").\(kind)")
    }
    let name = base + key
    guard keys.contains(base + "blocks.0.mlp.w12.weight") else { return .tensor(name) }
    return .tensor(
      name.replacing(".mlp.fc1.", with: ".mlp.w12.").replacing(".mlp.fc2.", with: ".mlp.w3."))
  }
}
