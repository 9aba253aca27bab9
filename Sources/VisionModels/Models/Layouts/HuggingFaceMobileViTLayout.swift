/// Hugging Face's `MobileViT…`.
///
/// Its images have blue first, as those that the authors trained with, so the first layer's
/// channels are turned around here.
/// Source: transformers 5.24, models/mobilevit/modeling_mobilevit.py, and
/// image_processing_mobilevit.py (`do_flip_channel_order`).
struct HuggingFaceMobileViTLayout: CheckpointLayout {
  let name = "Hugging Face"
  /// What stands before the backbone's names: `mobilevit.`, or nothing.
  private var base = ""

  private static let anchor = "conv_stem.convolution.weight"

  func detects(_ keys: Set<String>) -> Bool {
    keys.contains { $0.hasSuffix(Self.anchor) }
      && keys.contains { $0.hasSuffix("encoder.layer.2.conv_1x1.convolution.weight") }
  }

  func adapted(to keys: Set<String>) -> any CheckpointLayout {
    var layout = self
    let found = keys.first { $0.hasSuffix(Self.anchor) } ?? Self.anchor
    layout.base = String(found.dropLast(Self.anchor.count))
    return layout
  }

  func source(of key: String) -> TensorSource {
    if key == "stem.conv.weight" {
      let byChannel = TensorSource.permuted(.tensor(base + Self.anchor), [1, 0, 2, 3])
      return .permuted(
        .concatenation([2, 1, 0].map { .slice(byChannel, $0..<($0 + 1)) }), [1, 0, 2, 3])
    }
    if let head = key.moved([("head.fc.", "classifier.")]) { return .tensor(head) }
    if let outside = key.moved([
      ("stem.", base + "conv_stem."), ("final_conv.", base + "conv_1x1_exp."),
    ]) {
      return .tensor(Self.normed(outside))
    }
    let parts = key.split(separator: ".", maxSplits: 3).map(String.init)
    guard parts.count == 4, parts[0] == "stages", let stage = Int(parts[1]) else {
      return .tensor(key)
    }
    let layer = "\(base)encoder.layer.\(stage)."
    if stage < 2 || parts[2] == "0" {
      let place = stage < 2 ? "layer.\(parts[2])." : "downsampling_layer."
      let part = parts[3].moved([
        ("conv1_1x1.", "expand_1x1."), ("conv2_kxk.", "conv_3x3."), ("conv3_1x1.", "reduce_1x1."),
      ])
      return .tensor(Self.normed(layer + place + (part ?? parts[3])))
    }
    return attention(parts[3], in: layer)
  }

  private func attention(_ part: String, in layer: String) -> TensorSource {
    let block = part.split(separator: ".", maxSplits: 2).map(String.init)
    guard block.count == 3, block[0] == "transformer" else {
      let moved = part.moved([
        ("conv_1x1.", "conv_1x1.convolution."), ("conv_proj.", "conv_projection."),
        ("conv_fusion.", "fusion."), ("norm.", "layernorm."),
      ])
      return .tensor(Self.normed(layer + (moved ?? part)))
    }
    let place = "\(layer)transformer.layer.\(block[1])."
    if let kind = block[2].moved([("attn.qkv.", "")]) {
      return .concatenation(
        ["query", "key", "value"].map { .tensor("\(place)attention.attention.\($0).\(kind)") })
    }
    let moved = block[2].moved([
      ("attn.proj.", "attention.output.dense."), ("norm1.", "layernorm_before."),
      ("norm2.", "layernorm_after."), ("mlp.fc1.", "intermediate.dense."),
      ("mlp.fc2.", "output.dense."),
    ])
    return .tensor(place + (moved ?? block[2]))
  }

  /// timm's `conv` and `bn` of a layer.
  private static func normed(_ key: String) -> String {
    key.replacing(".conv.", with: ".convolution.").replacing(".bn.", with: ".normalization.")
  }
}
