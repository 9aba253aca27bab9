/// How a device stores and multiplies numbers.
///
/// At every precision, sums, softmax, norms, scores and sizes are float32.
package enum Precision: String, CaseIterable, Hashable, Sendable {
  /// IEEE single precision throughout.
  case float32
  /// float32 in memory, rounded to a 10-bit mantissa for tensor-core products.
  case tf32
  case float16
  case bfloat16
  /// Products of 8-bit integers: weights scaled per output channel, activations per token, both
  /// symmetrically and without calibration.
  case int8

  /// The type in which weights and activations are stored.
  package var storage: DType {
    switch self {
    case .float32, .tf32, .int8: .float32
    case .float16: .float16
    case .bfloat16: .bfloat16
    }
  }
}
