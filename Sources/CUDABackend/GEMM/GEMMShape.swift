import Tensors

/// Everything that a matrix product's fastest algorithm depends on.
///
/// `out[row, o] = Σ_k input[row, k] · weight[o, k] + bias[o] (+ out[row, o])`, all row-major.
struct GEMMShape: Hashable {
  var rows: Int
  var outputs: Int
  var k: Int
  /// Elements between two rows of the weight and of the input.
  var weightStride: Int
  var inputStride: Int
  var type: DType
  var outputType: DType
  var hasBias: Bool
  var accumulates: Bool
  /// GELU's approximation by a hyperbolic tangent behind the bias.
  var hasGELU = false
  var isTF32: Bool
  /// Bytes that every address is a multiple of, at most 256.
  var alignment: Int

  /// One word, the same in every run: the name of a choice in the cache.
  var text: String {
    "\(type.rawValue)\(isTF32 ? "t" : "")>\(outputType.rawValue)|\(rows)x\(outputs)x\(k)|"
      + "\(weightStride),\(inputStride)|\(hasBias ? "b" : "-")\(accumulates ? "+" : "-")\(hasGELU ? "g" : "")|\(alignment)"
  }

  /// Whether the other differs in its rows alone.
  func isNeighbor(_ other: GEMMShape) -> Bool {
    var same = other
    same.rows = rows
    return same == self
  }

  /// The largest power of two up to 256 that divides all addresses.
  static func alignment(of addresses: UnsafeMutableRawPointer?...) -> Int {
    let bits = addresses.reduce(256 as UInt) { $0 | UInt(bitPattern: $1) }
    return Int(bits & (~bits &+ 1))
  }
}
