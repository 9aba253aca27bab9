/// EfficientViT-M of its authors' repository.
///
/// `blocks2` and `blocks3` begin with the three parts that halve the grid.
/// Source: microsoft/Cream, EfficientViT/classification/model/efficientvit.py (commit de2d467).
struct CreamEfficientViTLayout: CheckpointLayout {
  let name = "Cream"

  func detects(_ keys: Set<String>) -> Bool { keys.contains("patch_embed.0.c.weight") }

  func source(of key: String) -> TensorSource {
    .tensor(place(of: key).replacing(".conv.", with: ".c."))
  }

  private func place(of key: String) -> String {
    if let head = key.moved([("head.linear.", "head.l.")]) { return head }
    if let rest = key.moved([("patch_embed.conv", "")]), let layer = rest.first?.wholeNumberValue {
      return "patch_embed.\(2 * (layer - 1))\(rest.dropFirst())"
    }
    let parts = key.split(separator: ".", maxSplits: 3).map(String.init)
    guard parts.count == 4, parts[0] == "stages", let stage = Int(parts[1]) else { return key }
    let blocks = "blocks\(stage + 1)."
    if parts[2] == "downsample" {
      return parts[3].moved([
        ("res1.", blocks + "0."), ("patchmerge.", blocks + "1."), ("res2.", blocks + "2."),
      ]) ?? key
    }
    let block = parts[3].split(separator: ".", maxSplits: 1).map(String.init)
    guard parts[2] == "blocks", block.count == 2, let index = Int(block[0]) else { return key }
    return "\(blocks)\(index + (stage == 0 ? 0 : 3)).\(block[1])"
  }
}
