/// How another project names and shapes the tensors of a model: it maps timm's tensors to those of
/// the project's files.
package protocol CheckpointLayout: Sendable {
  /// The name in messages: `Hugging Face`.
  var name: String { get }
  /// Whether a file with these keys has this layout.
  func detects(_ keys: Set<String>) -> Bool
  /// Where one of timm's tensors is in the file.
  func source(of key: String) -> TensorSource
  /// The layout for a file with these keys, if the project has several variants.
  func adapted(to keys: Set<String>) -> any CheckpointLayout
}

extension CheckpointLayout {
  package func adapted(to keys: Set<String>) -> any CheckpointLayout { self }
}

extension String {
  /// The key with its prefix replaced, by the first pair whose first element is a prefix of it.
  func moved(_ beginnings: [(String, String)]) -> String? {
    for (own, theirs) in beginnings where hasPrefix(own) { return theirs + dropFirst(own.count) }
    return nil
  }
}

/// timm's own names, which the official repositories of DeiT, EViT and DynamicViT use too.
struct TimmLayout: CheckpointLayout {
  let name = "timm"
  func detects(_ keys: Set<String>) -> Bool { true }
  func source(of key: String) -> TensorSource { .tensor(key) }
}
