/// How a project names and shapes the tensors of a model, in terms of timm's: a file of another
/// project is read through it.
package protocol CheckpointLayout: Sendable {
  /// As a person knows it: `Hugging Face`.
  var name: String { get }
  /// Whether a file with these keys is laid out so.
  func detects(_ keys: Set<String>) -> Bool
  /// Where one of timm's tensors is in the file.
  func source(of key: String) -> TensorSource
  /// The layout for a file with these keys, where the project has more than one spelling.
  func adapted(to keys: Set<String>) -> any CheckpointLayout
}

extension CheckpointLayout {
  package func adapted(to keys: Set<String>) -> any CheckpointLayout { self }
}

extension String {
  /// The key under another beginning, by the first pair whose first half it begins with.
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
