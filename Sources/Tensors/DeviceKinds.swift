import Support

/// The kinds of device that a program has.
package struct DeviceKinds: Sendable {
  /// At least one, the default first.
  package let kinds: [DeviceKind]

  package init(_ kinds: [DeviceKind]) {
    precondition(!kinds.isEmpty, "A program needs a kind of device.")
    precondition(Set(kinds.map(\.name)).count == kinds.count, "Two kinds of device share a name.")
    self.kinds = kinds
  }

  /// The default kind of a spec, which also computes accuracy if no other device can be opened: the
  /// CPU.
  package var standard: DeviceKind { kinds[0] }

  /// The kind of a device by its name in a spec; `nil` if it is not a device.
  package func kind(of device: String) -> DeviceKind? { kinds.first { $0.includes(device) } }

  /// The kind that people mean by another name, such as `gpu`.
  package func kind(alias text: String) -> DeviceKind? {
    kinds.first { $0.aliases.contains { text.lowercased().hasPrefix($0) } }
  }

  /// The engines of all kinds, without duplicates.
  package var engines: [String] {
    kinds.flatMap(\.engines).reduce(into: []) { known, engine in
      if !known.contains(engine) { known.append(engine) }
    }
  }

  /// The possible names of devices: `"cpu", "cuda" or "cuda:N"`.
  package var expectation: String {
    series(names(numbered: ":N").map { "\"\($0)\"" }, "or")
  }

  /// The same as a regular expression.
  package var pattern: String { "^(\(names(numbered: ":[0-9]+").joined(separator: "|")))$" }

  private func names(numbered suffix: String) -> [String] {
    kinds.flatMap { [$0.name] + ($0.isNumbered ? [$0.name + suffix] : []) }
  }
}
