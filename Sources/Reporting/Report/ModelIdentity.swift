import Records

/// A model without its weights, which determines a latency.
package struct ModelIdentity: Hashable, Sendable {
  package let name: String
  package let architecture: [String: JSONValue]
  package let tokens: Int
  package let prefixTokens: Int

  package init(_ setting: ModelSetting) {
    name = setting.name
    architecture = setting.architecture
    tokens = setting.tokens
    prefixTokens = setting.prefixTokens
  }

  private init(_ other: ModelIdentity, name: String) {
    self.name = name
    architecture = other.architecture
    tokens = other.tokens
    prefixTokens = other.prefixTokens
  }

  /// The same model under another name.
  func named(_ name: String) -> ModelIdentity { ModelIdentity(self, name: name) }

  /// Whether it is the same model in another report, which may use a longer name.
  func isSame(as other: ModelIdentity) -> Bool {
    named("") == other.named("") && DistinctNames.isSame(name, other.name)
  }

  /// A sort key that gives models of the same name a deterministic order.
  var sortText: String {
    "\(name) \(architecture.sorted { $0.key < $1.key }) \(tokens) \(prefixTokens)"
  }
}
