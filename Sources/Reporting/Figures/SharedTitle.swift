import Records
import Support

/// Divides the titles of a figure: what all panels have in common is shown once above them, the
/// rest on each panel.
struct SharedTitle {
  /// Facts about a panel, in the order written.
  private let facts: [[String]]
  private let keys: [RowGroup]

  /// One line with what all panels share; empty if they share nothing.
  var heading: [String] {
    guard let first = facts.first else { return [] }
    let shared = first.indices.filter(isShared).map { first[$0] }.filter { !$0.isEmpty }
    return shared.isEmpty ? [] : [shared.joined(separator: " · ")]
  }

  init(_ groups: [RowGroup]) {
    keys = groups
    facts = groups.map(Self.facts)
  }

  private static func facts(of group: RowGroup) -> [String] {
    [
      group.model.name + (group.weights.map { " (\($0.name))" } ?? ""),
      group.dataset.map { "\($0.name), \(grouped($0.images)) \(noun($0.images, "image"))" } ?? "",
      group.device?.text ?? "", group.precision,
      group.batchSize.map { "batch \($0)" } ?? "",
    ]
  }

  private func isShared(_ fact: Int) -> Bool {
    // With one panel, its batch size still belongs to the panel.
    fact < 4 && Set(facts.map { $0[fact] }).count == 1
  }

  /// What distinguishes the panel from the others, and always its batch size.
  ///
  /// Devices are shown by name if that is enough to distinguish them.
  func panelTitle(of group: RowGroup) -> String {
    var own = Self.facts(of: group)
    let devices = Set(keys.compactMap(\.device))
    if let device = group.device, Set(devices.map(\.name)).count == devices.count {
      own[2] = device.name
    }
    return own.indices.filter { !isShared($0) }.map { own[$0] }.filter { !$0.isEmpty }
      .joined(separator: " · ")
  }
}
