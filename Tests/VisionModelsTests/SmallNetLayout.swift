@testable import VisionModels

/// SmallNet as another project stores it: blocks are `features.N`, the classifier is transposed.
struct SmallNetLayout: CheckpointLayout {
  let name = "another project"

  func detects(_ keys: Set<String>) -> Bool { keys.contains("features.0.conv_dw.weight") }

  func source(of key: String) -> TensorSource {
    if key == "head.weight" { return .transposition(.tensor("classifier.weight")) }
    return .tensor(
      key.moved([("blocks.", "features."), ("head.", "classifier.")]) ?? key)
  }
}
