import Records

/// A model without its weights: what a latency belongs to.
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

  /// Puts models of one name into an order that does not depend on chance.
  var sortText: String {
    "\(name) \(architecture.sorted { $0.key < $1.key }) \(tokens) \(prefixTokens)"
  }
}
