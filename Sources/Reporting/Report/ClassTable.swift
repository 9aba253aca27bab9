import Records
import Support

/// Accuracy per class: the hardest classes, and those that lose most by a method.
struct ClassTable {
  struct Line {
    let name: String
    let images: Int
    /// Accuracy on the class without reduction, in percent.
    let baseline: Double
    /// The change relative to the baseline in percentage points, for each of `methods`.
    let changes: [Double?]
  }

  /// The maximum number of hardest classes, and of those that lose most.
  private static let maxLines = 12
  /// The maximum number of methods.
  private static let maxMethods = 6

  /// What distinguishes the table from those of other data sets and models.
  private let place: String
  /// The labels of the rows that are compared.
  let methods: [String]
  /// The hardest classes first, then those that lose most.
  let lines: [Line]
  /// The number of classes that were seen.
  let classes: Int

  /// `nil` without a baseline or another method, or if no class was seen five times.
  init?(_ group: RowGroup, _ joined: JoinedRecords, names: [String]?) {
    func tally(_ row: Row) -> AccuracyTally? {
      group.accuracyKey(of: row.method).flatMap { joined.accuracies[$0] }
    }
    guard !group.isOfModels, let base = group.rows.first(where: \.isBaseline).flatMap(tally) else {
      return nil
    }
    let others = group.rows.filter { !$0.isBaseline && $0.accuracy != nil }
    let front = others.filter(\.isOnFront)
    let shown = Array((front.isEmpty ? others : front).prefix(Self.maxMethods))
    let counts = base.byClass
    guard !shown.isEmpty, counts.contains(where: { $0.value.images >= 5 }) else { return nil }
    let tallies = shown.map { tally($0)?.byClass ?? [:] }
    let all = counts.sorted { $0.key < $1.key }.map { number, count in
      let baseline = count.percent
      return Line(
        name: names.flatMap { $0.indices.contains(number) ? $0[number] : nil } ?? "class \(number)",
        images: count.images, baseline: baseline,
        // Accuracies on different images cannot be compared.
        changes: tallies.map { tally in
          tally[number].flatMap { $0.images == count.images ? $0.percent - baseline : nil }
        })
    }
    func loss(_ line: Line) -> Double { line.changes.compactMap { $0 }.min() ?? 0 }
    let hardest = all.indices.sorted { (all[$0].baseline, $0) < (all[$1].baseline, $1) }
      .prefix(Self.maxLines)
    let losing = all.indices.filter { loss(all[$0]) < 0 && !hardest.contains($0) }
      .sorted { (loss(all[$0]), $0) < (loss(all[$1]), $1) }.prefix(Self.maxLines)
    place = "\(group.model.name), \(group.placeText)"
    methods = shown.map(\.label)
    lines = (hardest + losing).map { all[$0] }
    classes = all.count
  }

  private var titles: [String] {
    ["class", "images", "baseline, top-1 %"] + methods.map { "Δ pp, \($0)" }
  }

  private var note: String {
    "The \(counted(min(Self.maxLines, classes), "class", "classes")) of \(grouped(classes)) that the "
      + "model finds hardest, then those that a method costs most; few images a class make wide "
      + "intervals. All of them are in classes.csv."
  }

  /// The table in a collapsible part of the page.
  func node(number: Int) -> Markup {
    let table = HTMLTable(
      id: "classes-\(number)", caption: "Accuracy by class, \(place)",
      headings: titles.enumerated().map { HTMLTable.heading($1, isNumber: $0 > 0) },
      rows: lines.map { line in
        let changes = line.changes.map { change in
          HTMLTable.cell(
            change.map { signed($0, digits: 1) } ?? Column.missing, isNumber: true, value: change)
        }
        return Markup(
          "tr",
          children: [
            HTMLTable.cell(line.name, isNumber: false, isHeading: true),
            HTMLTable.cell("\(line.images)", isNumber: true, value: Double(line.images)),
            HTMLTable.cell(
              fixed(line.baseline, digits: 1), isNumber: true, value: line.baseline),
          ] + changes)
      }, references: lines.map { _ in "" })
    let summary = Markup("summary", children: [Markup("h3", text: "Accuracy by class")])
    return Markup("details", children: [summary, table.node] + HTMLTable.notes([note]))
  }

  /// The accuracy of every row on every class as comma-separated values; `nil` without accuracies.
  static func csv(_ report: Report) -> String? {
    var lines: [String] = []
    var seen: Set<JoinedRecords.AccuracyKey> = []
    for group in report.groups {
      let names = group.dataset.flatMap { report.classNames[$0.fingerprint] }
      for row in group.rows {
        guard let key = group.accuracyKey(of: row.method), seen.insert(key).inserted,
          let tally = report.joined.accuracies[key]
        else { continue }
        let place = [
          group.model.name, group.dataset?.name ?? "", group.precision, row.label,
        ].map(CSVTable.quoted)
        for (number, count) in tally.byClass.sorted(by: { $0.key < $1.key }) {
          let name = names.flatMap { $0.indices.contains(number) ? $0[number] : nil } ?? ""
          lines.append(
            (place + [
              "\(number)", CSVTable.quoted(name), "\(count.images)",
              trimmed(count.percent, digits: 4),
            ]).joined(separator: ","))
        }
      }
    }
    let heading = "model,dataset,precision,label,class,class_name,images,top1_percent"
    return lines.isEmpty ? nil : ([heading] + lines).joined(separator: "\n") + "\n"
  }
}

extension AccuracyTally.ClassCount {
  var percent: Double { 100 * Double(correct) / Double(images) }
}
