/// Values that broken weights produce, and inputs without any differences.
package enum NotNumbers: String, CaseIterable, Sendable {
  case nan, negativeNaN, infinity, negativeInfinity, allEqual, allZero, mixed

  /// `count` values: all the same, or ordinary ones mixed with every kind.
  package func values(_ count: Int, seed: UInt64) -> [Float] {
    switch self {
    case .nan: Array(repeating: .nan, count: count)
    case .negativeNaN: Array(repeating: -.nan, count: count)
    case .infinity: Array(repeating: .infinity, count: count)
    case .negativeInfinity: Array(repeating: -.infinity, count: count)
    case .allEqual: Array(repeating: 0.25, count: count)
    case .allZero: Array(repeating: 0, count: count)
    case .mixed:
      randomFloats(count, seed: seed).enumerated().map { index, value in
        switch index % 7 {
        case 1: .nan
        case 2: .infinity
        case 3: -.infinity
        case 4: -.nan
        default: value
        }
      }
    }
  }
}
