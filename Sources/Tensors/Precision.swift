/// How a device holds and multiplies numbers.
///
/// Whatever it is, sums, softmax, norms, scores and sizes are float32.
package enum Precision: String, CaseIterable, Hashable, Sendable {
  /// IEEE single precision throughout.
  case float32
  /// float32 in memory, rounded to 10 bits of mantissa where a tensor core multiplies.
  case tf32
  case float16
  case bfloat16
  /// Products of 8-bit integers: weights scaled per output channel, activations per token, both
  /// symmetrically and without calibration.
  case int8

  /// What weights and activations are held as.
  package var storage: DType {
    switch self {
    case .float32, .tf32, .int8: .float32
    case .float16: .float16
    case .bfloat16: .bfloat16
    }
  }
}
