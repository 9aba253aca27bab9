import Records

/// A token-reduction method: its keys in a spec, and the three choices that they mean.
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
  /// Family, color and order in reports; every record of the method carries them.
  static var traits: MethodTraits { get }
  /// The composition for a model.
  ///
  /// Errors: a `ParameterProblem` for values that do not fit the model's tokens.
  static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
}
