import Foundation

#if canImport(CryptoKit)
  import CryptoKit
#else
  import COpenSSL
#endif

/// An incremental hash of bytes; a copy continues independently.
package protocol HashFunction {
  init()
  mutating func update(bufferPointer bytes: UnsafeRawBufferPointer)
  /// The hash of all bytes so far; more may follow.
  func finalize() -> [UInt8]
}

extension HashFunction {
  package static func hash(data: some ContiguousBytes) -> [UInt8] {
    var hash = Self()
    hash.update(data: data)
    return hash.finalize()
  }

  package mutating func update(data: some ContiguousBytes) {
    data.withUnsafeBytes { update(bufferPointer: $0) }
  }
}

/// SHA-256, which identifies records, weights and images.
package struct SHA256: HashFunction, Sendable {
  #if canImport(CryptoKit)
    private var state = CryptoKit.SHA256()

    package init() {}

    package mutating func update(bufferPointer bytes: UnsafeRawBufferPointer) {
      state.update(bufferPointer: bytes)
    }

    package func finalize() -> [UInt8] { Array(state.finalize()) }
  #else
    private var state = SHA256_CTX()

    package init() { SHA256_Init(&state) }

    package mutating func update(bufferPointer bytes: UnsafeRawBufferPointer) {
      SHA256_Update(&state, bytes.baseAddress, bytes.count)
    }

    package func finalize() -> [UInt8] {
      var state = state
      return [UInt8](unsafeUninitializedCapacity: Int(SHA256_DIGEST_LENGTH)) { bytes, count in
        SHA256_Final(bytes.baseAddress, &state)
        count = bytes.count
      }
    }
  #endif
}

/// SHA-1, with which git names files; lab itself does not use it.
package struct SHA1: HashFunction, Sendable {
  #if canImport(CryptoKit)
    private var state = Insecure.SHA1()

    package init() {}

    package mutating func update(bufferPointer bytes: UnsafeRawBufferPointer) {
      state.update(bufferPointer: bytes)
    }

    package func finalize() -> [UInt8] { Array(state.finalize()) }
  #else
    private var state = SHA_CTX()

    package init() { SHA1_Init(&state) }

    package mutating func update(bufferPointer bytes: UnsafeRawBufferPointer) {
      SHA1_Update(&state, bytes.baseAddress, bytes.count)
    }

    package func finalize() -> [UInt8] {
      var state = state
      return [UInt8](unsafeUninitializedCapacity: Int(SHA_DIGEST_LENGTH)) { bytes, count in
        SHA1_Final(bytes.baseAddress, &state)
        count = bytes.count
      }
    }
  #endif
}

extension Sequence<UInt8> {
  /// Two lower-case digits for each byte.
  package var hexadecimal: String {
    let bytes = Array(self)
    func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
    return String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
      for (place, byte) in bytes.enumerated() {
        text[2 * place] = digit(byte >> 4)
        text[2 * place + 1] = digit(byte & 15)
      }
      return 2 * bytes.count
    }
  }
}
