/// A kind of device: what a spec calls it, what it can be asked for, and how one is opened.
///
/// A backend declares its kind in its own target, and the program lists the kinds that it has
/// (`DeviceKinds`).
package struct DeviceKind: Sendable {
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
  /// Opens a device of the kind.
  package var open: Opener
  /// What of the kind this machine has, or why it has none, in lines for a person.
  package let inventory: @Sendable () throws -> [String]

  /// Opens a device as a spec spells it; `threads == nil` takes every core.
  package typealias Opener =
    @Sendable (_ device: String, _ threads: Int?) throws -> any Backend

  package init(
    name: String, title: String, isNumbered: Bool = false, isAlwaysPresent: Bool = false,
    precisions: [Precision], engines: [String] = [], float32Engines: [String: String] = [:],
    hasFlushableCache: Bool = false, hasTanhGELU: Bool = false, aliases: [String] = [],
    open: @escaping Opener, inventory: @escaping @Sendable () throws -> [String]
  ) {
    self.name = name
    self.title = title
    self.isNumbered = isNumbered
    self.isAlwaysPresent = isAlwaysPresent
    self.precisions = precisions
    self.engines = engines
    self.float32Engines = float32Engines
    self.hasFlushableCache = hasFlushableCache
    self.hasTanhGELU = hasTanhGELU
    self.aliases = aliases
    self.open = open
    self.inventory = inventory
  }

  /// The engine that leaves the choice to the device.
  package static let automaticEngine = "auto"

  /// Whether `device` is one of the kind: its name, or `name:N`.
  package func includes(_ device: String) -> Bool {
    if device == name { return true }
    guard isNumbered, device.hasPrefix(name + ":") else { return false }
    return Int(device.dropFirst(name.count + 1)).map { $0 >= 0 } ?? false
  }
}
