import Records

/// A token-reduction method: its keys in a spec, and the three choices that they determine.
///
/// A new method is one file in `Methods` and one line in `TokenReductionRegistry.all`.
package protocol TokenReductionMethod: Sendable {
  /// The name in a spec.
  static var name: String { get }
  /// One line for `lab methods`.
  static var summary: String { get }
  /// Paper or code that it follows.
  static var source: String { get }
  /// A complete JSON value of `methods[…]`.
  static var example: String { get }
  static var parameters: [MethodParameter] { get }
  /// Family, color and order in reports; every record of the method contains them.
  static var traits: MethodTraits { get }
  /// What it needs from a model and a device.
  static var needs: MethodNeeds { get }
  /// The composition for a model.
  ///
  /// Errors: a `ParameterProblem` for values that do not fit the model's tokens.
  static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
}

extension TokenReductionMethod {
  package static var needs: MethodNeeds { MethodNeeds() }
}

/// What a method needs, for a table of methods.
package struct MethodNeeds: Hashable, Sendable {
  /// Whether it needs attention weights, which a plain fused attention does not return.
  package var readsAttention = false
  /// Whether token sizes enter the attention logits by default.
  package var sizesInAttention = false
  /// Whether the model must have been trained with it.
  package var isTrained = false
  /// Whether it changes the order of tokens.
  package var reordersTokens = false
  /// Whether the device's latency decides how many tokens are removed.
  package var isHardwareAware = false

  package init(
    readsAttention: Bool = false, sizesInAttention: Bool = false, isTrained: Bool = false,
    reordersTokens: Bool = false, isHardwareAware: Bool = false
  ) {
    self.readsAttention = readsAttention
    self.sizesInAttention = sizesInAttention
    self.isTrained = isTrained
    self.reordersTokens = reordersTokens
    self.isHardwareAware = isHardwareAware
  }
}
