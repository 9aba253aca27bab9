/// A kind of device: its name in specs, what it supports, and how one is opened.
///
/// A backend declares its kind in its own target, and the program lists all kinds (`DeviceKinds`).
package struct DeviceKind: Sendable {
  /// The name of the first device of the kind in a spec: `cuda`.
  package let name: String
  /// The name in error messages: `a cuda device`.
  package let title: String
  /// Whether there may be several, `cuda:0`, `cuda:1` and so on.
  package let isNumbered: Bool
  /// Whether every machine has one.
  package let isAlwaysPresent: Bool
  package let precisions: [Precision]
  /// The GEMM engines, the default first; empty if there is no choice.
  package let engines: [String]
  /// The engines that support only float32, each with the engine to use instead.
  package let float32Engines: [String: String]
  /// Whether a pass can be timed with a flushed cache.
  package let hasFlushableCache: Bool
  /// Whether it supports the tanh approximation of GELU in addition to the exact GELU.
  package let hasTanhGELU: Bool
  /// Prefixes of other names that people use for it.
  package let aliases: [String]
  /// Opens a device of the kind.
  package var open: Opener
  /// The devices of this kind on this machine, or why there are none, as lines of text.
  package let inventory: @Sendable () throws -> [String]

  /// Opens a device by its name in a spec; `threads == nil` uses every core.
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

  /// The engine name that leaves the choice to the device.
  package static let automaticEngine = "auto"

  /// Whether `device` names a device of this kind: `name`, or `name:N`.
  package func includes(_ device: String) -> Bool {
    if device == name { return true }
    guard isNumbered, device.hasPrefix(name + ":") else { return false }
    return Int(device.dropFirst(name.count + 1)).map { $0 >= 0 } ?? false
  }
}
