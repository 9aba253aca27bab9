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
}

/// One row that a table is asked for: a model, weights aside, and a method.
package struct RowKey: Hashable, Sendable {
  package let model: ModelIdentity
  package let method: MethodSetting
  /// What the person wrote that led to the method's parameters, for example `α=0.5`; shown first.
  package let origin: String?

  /// Names a row; the weights of `model` do not matter.
  package init(model: ModelSetting, method: MethodSetting, origin: String? = nil) {
    self.model = ModelIdentity(model)
    self.method = method
    self.origin = origin
  }
}
