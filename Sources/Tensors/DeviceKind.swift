/// A kind of device, as far as it is known without opening one: what a spec calls it and what it
/// can be asked for.
///
/// One more kind is one constant here, listed in `all`, and the line of `lab` that opens it.
package struct DeviceKind: Hashable, Sendable {
  /// What a spec calls the first device of the kind: `cuda`.
  package let name: String
  /// In a sentence: `a cuda device`.
  package let title: String
  /// Whether there may be several, `cuda:0`, `cuda:1` and so on.
  package let isNumbered: Bool
  /// Whether every machine has one.
  package let isAlwaysPresent: Bool
  package let precisions: [Precision]
  /// What may multiply matrices, the default first; empty where there is no choice.
  package let engines: [String]
  /// The engines that multiply float32 alone, each with what else to take.
  package let float32Engines: [String: String]
  /// Whether a pass can be timed with an emptied cache.
  package let hasFlushableCache: Bool
  /// Whether it has the approximation of GELU by tanh besides the exact one.
  package let hasTanhGELU: Bool
  /// Beginnings of names that people give to it instead.
  package let aliases: [String]

  package static let cpu = DeviceKind(
    name: "cpu", title: "the cpu", isNumbered: false, isAlwaysPresent: true,
    precisions: [.float32, .bfloat16, .int8], engines: ["auto", "packed", "blas"],
    float32Engines: ["blas": "packed"], hasFlushableCache: false,
    hasTanhGELU: false, aliases: [])

  package static let cuda = DeviceKind(
    name: "cuda", title: "a cuda device", isNumbered: true, isAlwaysPresent: false,
    precisions: [.float32, .tf32, .float16, .bfloat16], engines: [], float32Engines: [:],
    hasFlushableCache: true, hasTanhGELU: true, aliases: ["gpu"])

  /// Every kind, the default first.
  package static let all: [DeviceKind] = [cpu, cuda]

  /// The kind that a spec means when it names no device, and that computes accuracy when no other
  /// device opens.
  package static let standard = cpu

  /// The engine that leaves the choice to the device.
  package static let automaticEngine = "auto"

  /// The kind of a device as a spec spells it; `nil` for what is not a device.
  package static func of(_ device: String) -> DeviceKind? { all.first { $0.includes(device) } }

  /// Whether `device` is one of the kind: its name, or `name:N`.
  package func includes(_ device: String) -> Bool {
    if device == name { return true }
    guard isNumbered, device.hasPrefix(name + ":") else { return false }
    return Int(device.dropFirst(name.count + 1)).map { $0 >= 0 } ?? false
  }

  /// What devices can be called: `"cpu", "cuda" or "cuda:N"`.
  package static var expectation: String {
    listed(all.flatMap { [$0.name] + ($0.isNumbered ? ["\($0.name):N"] : []) }.map { "\"\($0)\"" })
  }

  /// The same as a regular expression.
  package static var pattern: String {
    let names = all.flatMap { [$0.name] + ($0.isNumbered ? ["\($0.name):[0-9]+"] : []) }
    return "^(\(names.joined(separator: "|")))$"
  }

  /// The kind that people mean by another name, such as `gpu`.
  package static func alias(_ text: String) -> DeviceKind? {
    all.first { $0.aliases.contains { text.lowercased().hasPrefix($0) } }
  }

  /// `a, b or c`.
  package static func listed(_ words: [String], _ conjunction: String = "or") -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return "\(words.dropLast().joined(separator: ", ")) \(conjunction) \(last)"
  }
}
