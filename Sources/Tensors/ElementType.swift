/// The element type of a stored tensor; every type can be read as float32.
package enum ElementType: String, CaseIterable, Sendable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  /// Four bits of exponent, three of fraction, no infinity.
  case float8E4M3 = "F8_E4M3"
  /// Five bits of exponent, two of fraction.
  case float8E5M2 = "F8_E5M2"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint8 = "U8"
  case bool = "BOOL"

  package var byteCount: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16: 2
    case .float8E4M3, .float8E5M2, .int8, .uint8, .bool: 1
    }
  }

  package var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16, .float8E4M3, .float8E5M2: true
    case .int64, .int32, .int16, .int8, .uint8, .bool: false
    }
  }

  /// The element at a byte position as float32, rounded to nearest if its type is wider.
  package func float(_ bytes: UnsafeRawBufferPointer, at position: Int) -> Float {
    switch self {
    case .float64:
      Float(
        Double(
          bitPattern: UInt64(
            littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))))
    case .float32:
      Float(
        bitPattern: UInt32(
          littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
    case .float16: halfToFloat(word(bytes, position))
    case .bfloat16: Float(bitPattern: UInt32(word(bytes, position)) << 16)
    case .float8E4M3: Self.e4m3(bytes[position])
    // The same exponent as a half's: a half with its low byte cut off.
    case .float8E5M2: halfToFloat(UInt16(bytes[position]) << 8)
    case .int64:
      Float(
        Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Int64.self)))
    case .int32:
      Float(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Int32.self)))
    case .int16: Float(Int16(bitPattern: word(bytes, position)))
    case .int8: Float(Int8(bitPattern: bytes[position]))
    case .uint8: Float(bytes[position])
    case .bool: bytes[position] == 0 ? 0 : 1
    }
  }

  @inline(__always)
  private func word(_ bytes: UnsafeRawBufferPointer, _ position: Int) -> UInt16 {
    UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt16.self))
  }

  /// OCP's 8-bit float with a bias of 7, whose largest pattern is NaN.
  private static func e4m3(_ byte: UInt8) -> Float {
    let exponent = Int(byte >> 3 & 0xF)
    let fraction = Float(byte & 7)
    if byte & 0x7F == 0x7F { return .nan }
    let magnitude =
      exponent == 0
      ? fraction * 0x1p-9
      : (1 + fraction / 8) * Float(sign: .plus, exponent: exponent - 7, significand: 1)
    return byte & 0x80 == 0 ? magnitude : -magnitude
  }
}
