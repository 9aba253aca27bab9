import Measurement
import Records
import Support

/// The tables of one model that differ only in precision or engine, combined: they show whether
/// pruning or precision gains more, and both together.
package struct VariantTable: Sendable {
  /// A row of one of the tables, compared with the first table.
  package struct Line: Sendable {
    package let group: RowGroup
    package let row: Row
    /// How the accuracy differs from that of the same method in the first table, image by image.
    package let change: AccuracyChange?
    /// The number of images that both classified, of those with the same top-1 class, and of those
    /// whose kept tokens differ.
    package let agreement: (images: Int, sameClass: Int, otherTokens: Int?)?
    /// The speed-up over the unpruned pass of the first table.
    package let speedup: Double?
    /// Whether both timings are reliable.
    package let isReliable: Bool
    /// Whether no line of any of the tables is both faster and at least as accurate.
    package internal(set) var isOnFront = false
  }

  /// What all tables have in common.
  package let title: String
  package let lines: [Line]

  /// The tables of a report that differ only in precision or engine, in the order of the report.
  static func all(_ groups: [RowGroup], _ joined: JoinedRecords) -> [VariantTable] {
    var sets: [[RowGroup]] = []
    for group in groups {
      if let index = sets.firstIndex(where: { $0[0].isVariant(of: group) }) {
        sets[index].append(group)
      } else {
        sets.append([group])
      }
    }
    return sets.filter { $0.count > 1 }.map { VariantTable($0, joined) }
  }

  private init(_ groups: [RowGroup], _ joined: JoinedRecords) {
    // The highest precision comes first, with our own kernels if they were measured.
    let groups = groups.sorted { Self.rank($0) < Self.rank($1) }
    let first = groups[0]
    title = first.sharedTitle
    let baseline = first.rows.first { $0.method.name == joined.catalog.baseline?.name }
    let reference = baseline?.latency?.milliseconds
    var lines = groups.flatMap { group in
      group.rows.map { row in
        let mine = group.accuracyKey(of: row.method).flatMap { joined.accuracies[$0] }
        let other =
          group.precision == first.precision
          ? nil : first.accuracyKey(of: row.method).flatMap { joined.accuracies[$0] }
        let pair = mine.flatMap { mine in other.map { (mine, $0) } }
        return Line(
          group: group, row: row,
          change: pair.flatMap { AccuracyChange(of: $0, against: $1, in: group.dataset) },
          agreement: pair.map { $0.agreement(with: $1) },
          speedup: reference.flatMap { reference in
            row.latency.map { reference.median / $0.milliseconds.median }
          }, isReliable: row.isReliable && baseline?.isReliable == true)
      }
    }
    let candidates = lines.indices.compactMap { index -> (Int, TradeOff)? in
      let row = lines[index].row
      guard row.competes || row.isRival, let accuracy = row.accuracy, let latency = row.latency
      else { return nil }
      return (
        index, TradeOff(latency: latency.milliseconds.median, accuracy: accuracy.top1Percent)
      )
    }
    for position in paretoFront(candidates.map(\.1)) {
      let line = candidates[position].0
      lines[line].isOnFront = lines[line].row.competes
    }
    self.lines = lines
  }

  /// The sort key: first the precision, from the highest, then the engine's name.
  private static func rank(_ group: RowGroup) -> [String] {
    let order = ["float32", "tf32", "float16", "bfloat16", "int8"]
    let place = order.firstIndex(of: group.precision) ?? order.count
    return ["\(place)", group.device?.engine ?? ""]
  }
}

extension [String] {
  fileprivate static func < (left: [String], right: [String]) -> Bool {
    left.lexicographicallyPrecedes(right)
  }
}

extension RowGroup {
  fileprivate func isVariant(of other: RowGroup) -> Bool {
    var (mine, theirs) = (device, other.device)
    mine?.engine = nil
    theirs?.engine = nil
    return model == other.model && weights == other.weights && dataset == other.dataset
      && mine == theirs && batchSize == other.batchSize
  }

  /// The title without precision and engine.
  fileprivate var sharedTitle: String {
    var place = device
    place?.engine = nil
    return [
      model.name, dataset.map { "\($0.name) (\(grouped($0.images)) \(noun($0.images, "image")))" },
      place?.text,
      batchSize.map { "batch \($0)" },
    ].compactMap { $0 }.joined(separator: " · ")
  }
}
