import Foundation
import Testing

@testable import Files

@Suite struct HashFunctionTests {
  /// A message, its number of repetitions, and its SHA-256 and SHA-1.
  ///
  /// Source: FIPS 180-4 examples, NIST CSRC, and the million letters of its additional test
  /// vectors.
  struct Vector: CustomTestStringConvertible, Sendable {
    let message: String
    var times = 1
    let sha256: String
    let sha1: String

    var testDescription: String { "\(times) × '\(message)'" }
  }

  static let vectors = [
    Vector(
      message: "",
      sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      sha1: "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    Vector(
      message: "abc",
      sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      sha1: "a9993e364706816aba3e25717850c26c9cd0d89d"),
    Vector(
      message: "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      sha256: "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      sha1: "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
    Vector(
      message: "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
        + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      sha256: "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
      sha1: "a49b2446a02c645bf419f995b67091253a04a259"),
    Vector(
      message: "a", times: 1_000_000,
      sha256: "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
      sha1: "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
  ]

  @Test(arguments: vectors)
  func `hashes match the standard for chunks of any size`(_ vector: Vector) {
    let bytes = Array(String(repeating: vector.message, count: vector.times).utf8)
    #expect(SHA256.hash(data: bytes).hexadecimal == vector.sha256)
    #expect(SHA1.hash(data: Data(bytes)).hexadecimal == vector.sha1)
    for size in [1, 3, 63, 64, 65, 4096] {
      var sha256 = SHA256()
      var sha1 = SHA1()
      for start in stride(from: 0, to: bytes.count, by: size) {
        let part = bytes[start..<min(bytes.count, start + size)]
        sha256.update(data: part)
        sha1.update(data: part)
      }
      #expect(sha256.finalize().hexadecimal == vector.sha256)
      #expect(sha1.finalize().hexadecimal == vector.sha1)
    }
  }

  @Test func `a copied hash continues independently, and finalizing does not change a hash`() {
    var first = SHA256()
    first.update(data: Array("ab".utf8))
    var second = first
    _ = first.finalize()
    first.update(data: Array("c".utf8))
    second.update(data: Array("d".utf8))
    #expect(first.finalize() == SHA256.hash(data: Array("abc".utf8)))
    #expect(second.finalize() == SHA256.hash(data: Array("abd".utf8)))
    var git = SHA1()
    git.update(data: Array("ab".utf8))
    let copy = git
    git.update(data: Array("c".utf8))
    #expect(copy.finalize() == SHA1.hash(data: Array("ab".utf8)))
    #expect(git.finalize() == SHA1.hash(data: Array("abc".utf8)))
  }

  @Test func `hexadecimal digits keep leading zeros`() {
    #expect([0, 7, 16, 171, 255].hexadecimal == "000710abff")
  }
}
