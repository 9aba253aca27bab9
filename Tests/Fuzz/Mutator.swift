import Support
import Tensors

/// Changes inputs at random, with values that often break parsers; the same seed gives the same
/// changes.
struct Mutator {
  private let seeds: [[UInt8]]
  private var random: SplitMix64

  /// - Parameter seeds: At least one.
  init(seeds: [[UInt8]], seed: UInt64) {
    self.seeds = seeds
    random = SplitMix64(seed: seed)
  }

  /// The next input: one of the seeds with one to eight changes.
  mutating func next() -> [UInt8] {
    var bytes = pick(seeds)
    for _ in 0..<(1 << below(4)) { change(&bytes) }
    return bytes
  }

  /// Values at the limits of types, and others that often break number parsers.
  private static let numbers = [
    "0", "-1", "1", "0.1", "-0.0", "1e308", "1e-320", "1e999", "NaN", "Infinity", "2147483648",
    "4294967296", "9007199254740993", "9223372036854775807", "-9223372036854775808",
    "9223372036854775808", "18446744073709551616", "[]", "{}", "null", "true", "\"\"",
    "\"\\u0000\"",
    "\"\\ud800\"", "\"é\"", "[0, 9223372036854775807, 1]", "{\"range\": [0, 1e18, 3]}",
    "4611686018427387904",
    "{\"range\": [0, 9223372036854775807, 4611686018427387904]}",
    "{\"range\": [1, 9223372036854775807, 9223372036854775807]}",
  ].map { Array($0.utf8) }

  private mutating func change(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return bytes = pick(seeds) }
    let place = below(bytes.count)
    let length = 1 + below(min(bytes.count - place, 1 << below(9)))
    let part = place..<place + min(length, bytes.count - place)
    switch below(10) {
    case 0: bytes[place] ^= 1 << UInt8(below(8))
    case 1: bytes[place] = UInt8(below(256))
    case 2: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF, 0x0A, 0x20, 0x22][below(8)]
    case 3: bytes.removeSubrange(part)
    case 4: bytes.removeSubrange(place...)
    case 5: bytes.insert(contentsOf: Array(bytes[part]), at: below(bytes.count))
    case 6: bytes.insert(contentsOf: (0..<length).map { _ in UInt8(below(256)) }, at: place)
    case 7:
      // A part of another seed.
      let other = pick(seeds)
      guard !other.isEmpty else { return }
      let from = below(other.count)
      bytes.replaceSubrange(part, with: other[from..<min(other.count, from + length)])
    default: replaceValue(&bytes, near: place)
    }
  }

  /// Replaces a run of letters and digits, such as a value in JSON or a table.
  private mutating func replaceValue(_ bytes: inout [UInt8], near place: Int) {
    func isWord(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."), UInt8(ascii: "-"),
        UInt8(ascii: "_"), UInt8(ascii: "+"):
        true
      default: false
      }
    }
    guard let start = bytes[place...].firstIndex(where: isWord) else { return }
    let end = bytes[start...].firstIndex { !isWord($0) } ?? bytes.count
    let value =
      below(3) == 0 ? word(in: pick(seeds), isWord) : Self.numbers[below(Self.numbers.count)]
    bytes.replaceSubrange(start..<end, with: value)
  }

  private mutating func word(in bytes: [UInt8], _ isWord: (UInt8) -> Bool) -> [UInt8] {
    guard !bytes.isEmpty else { return [] }
    let tail = bytes[below(bytes.count)...].drop { !isWord($0) }
    return Array(tail.prefix(while: isWord))
  }

  private mutating func pick(_ from: [[UInt8]]) -> [UInt8] { from[below(from.count)] }

  /// A random number in `0..<bound`; 0 for a bound of 0.
  private mutating func below(_ bound: Int) -> Int {
    bound > 0 ? Int(random.next() >> 33) % bound : 0
  }
}
