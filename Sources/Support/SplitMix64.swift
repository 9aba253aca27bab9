/// A small random generator whose sequence depends on its seed alone, on every platform.
///
/// Source: Steele, Lea and Flood, OOPSLA 2014; the constants of `splitmix64.c` by S. Vigna.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  /// A generator whose seed is the FNV-1a hash of `text`.
  package init(seedText text: String) { self.init(seed: FNV1a.hash(text.utf8)) }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    return SplitMix64.mix(state)
  }

  /// A uniform number in [0, 1) with 24 random bits, exactly representable.
  package mutating func nextUniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// The finalizer alone: a hash of `value` in which every input bit moves every output bit.
  package static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
