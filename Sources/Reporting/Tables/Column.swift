import Measurement

/// One column of the tables for readers: its heading, its cells, and its priority.
package struct Column: Sendable {
  package enum Alignment: Sendable { case leading, trailing }

  package let title: String
  package let alignment: Alignment
  /// Columns of low rank are the first to be left out if the table is too wide.
  package let rank: Int
  /// The cell of a row; `–` if nothing was measured.
  package let cell: @Sendable (Row) -> String
  /// The sort key; `nil` for text and if nothing was measured.
  package let number: @Sendable (Row) -> Double?

  init(
    _ title: String, _ alignment: Alignment = .trailing, rank: Int = 9,
    number: @escaping @Sendable (Row) -> Double? = { _ in nil },
    cell: @escaping @Sendable (Row) -> String
  ) {
    self.title = title
    self.alignment = alignment
    self.rank = rank
    self.number = number
    self.cell = cell
  }

  /// The columns of a table on a terminal.
  static func terminal(of group: RowGroup) -> [Column] {
    columns(terminal, of: group)
  }

  /// The columns of a table in a document.
  static func document(of group: RowGroup) -> [Column] {
    columns(document, of: group)
  }

  private static func columns(_ all: [Column], of group: RowGroup) -> [Column] {
    let named = group.isOfModels ? ofModels(all) : all
    return group.isSimulated ? ofPredictions(named) : named
  }

  /// A prediction is a single number without samples, quartiles or interval.
  private static func ofPredictions(_ columns: [Column]) -> [Column] {
    columns.compactMap { column in
      switch column.title {
      case "latency ms (IQR)": column.with(title: "predicted ms")
      case "n", "samples": nil
      case "speed-up", "speed-up (95 %)": column.with(title: "predicted speed-up")
      case "images/s": column.with(title: "predicted images/s")
      default: column
      }
    }
  }

  /// For models, sizes replace parameters, and there are no remaining tokens.
  private static func ofModels(_ columns: [Column]) -> [Column] {
    columns.compactMap { column in
      switch column.title {
      case "method": column.with(title: "model")
      case "parameters":
        Column("params, M", number: { $0.modelParameters.map(Double.init) }) {
          $0.modelParameters.map { fixed(Double($0) / 1e6, digits: 2) } ?? missing
        }
      case "tokens": nil
      default: column
      }
    } + [
      Column("traffic, MB/image", rank: 3, number: { $0.trafficBytes.map(Double.init) }) {
        $0.trafficBytes.map { fixed(Double($0) / 1e6, digits: 1) } ?? missing
      }
    ]
  }

  /// The column under another heading, or with other cells.
  func with(title: String, cell: (@Sendable (Row) -> String)? = nil) -> Column {
    Column(title, alignment, rank: rank, number: number, cell: cell ?? self.cell)
  }

  /// The text for a missing value.
  static let missing = "–"

  /// Every column with short cells, for a terminal.
  package static let terminal: [Column] = measured + comparison

  private static let measured: [Column] = [
    Column("", .leading, number: { $0.isOnFront ? 0 : 1 }) { $0.isOnFront ? Mark.front : "" },
    Column("method", .leading) { $0.method.name },
    Column("parameters", .leading) { $0.details },
    Column("tokens", number: { $0.tokensLeft.map(Double.init) }) {
      $0.tokensLeft.map(String.init) ?? missing
    },
    Column("top-1 %", number: { $0.accuracy?.top1Percent }) { $0.accuracy?.top1Text ?? missing },
    Column("top-5 %", rank: 2, number: { $0.accuracy?.top5Percent }) {
      $0.accuracy?.top5Text ?? missing
    },
    Column("Δ pp", number: { $0.change?.points }) { $0.change?.text ?? missing },
    Column("latency ms (IQR)", number: { $0.latency?.milliseconds.median }) { row in
      row.latency.map { $0.text + row.doubt } ?? missing
    },
    Column("n", rank: 1, number: { $0.latency.map { Double($0.milliseconds.count) } }) {
      $0.latency.map { String($0.milliseconds.count) } ?? missing
    },
    Column("speed-up", number: { $0.speedup?.ratio }) { $0.speedup?.text ?? missing },
    Column("images/s", rank: 5, number: { $0.latency?.imagesPerSecond }) {
      $0.latency.map { significant($0.imagesPerSecond) } ?? missing
    },
    Column("GMACs", rank: 4, number: { $0.macs.map(Double.init) }) {
      $0.macs.map { significant(Double($0) / 1e9, 3) } ?? missing
    },
    Column("MB", rank: 3, number: { $0.latency.map { Double($0.peakMemoryBytes) } }) {
      $0.latency.map { fixed(Double($0.peakMemoryBytes) / 1e6, digits: 0) } ?? missing
    },
  ]

  /// The columns to leave out if even narrow columns do not fit.
  static let lastToGo = ["tokens", "Δ pp"]

  /// Narrow columns for tables that are still too wide, in the order in which they replace others.
  static let narrower: [(wide: String, column: Column)] = [
    (
      "parameters",
      Column("parameters", .leading) { row in
        let parts = [row.reasons.words ?? "", row.distinguishingParameters].filter { !$0.isEmpty }
        return parts.isEmpty ? missing : parts.joined(separator: ", ")
      }
    ),
    (
      "latency ms (IQR)",
      Column("ms", number: { $0.latency?.milliseconds.median }) { row in
        row.latency.map { significant($0.milliseconds.median) + row.doubt } ?? missing
      }
    ),
    (
      "top-1 %",
      Column("top-1 %", number: { $0.accuracy?.top1Percent }) {
        $0.accuracy.map { fixed($0.top1Percent, digits: $0.digits) } ?? missing
      }
    ),
    (
      "parameters",
      Column("parameters", .leading) { row in
        let text =
          row.distinguishingParameters.isEmpty
          ? row.reasons.words ?? "" : row.distinguishingParameters
        return text.isEmpty ? missing : text
      }
    ),
  ]

  /// Every column with intervals, for a document.
  package static let document: [Column] =
    measured.map { column in
      switch column.title {
      case "": column.with(title: "front")
      case "Δ pp":
        column.with(title: "Δ top-1, pp (95 %)") { $0.change?.textWithInterval ?? missing }
      case "speed-up":
        column.with(title: "speed-up (95 %)") { $0.speedup?.textWithInterval ?? missing }
      case "n": column.with(title: "samples")
      case "MB": column.with(title: "peak MB")
      default: column
      }
    } + comparisonInDocuments
}

extension RowGroup {
  /// The columns of `all` that have content in the table; all if nothing is measured yet.
  func filled(_ all: [Column]) -> [Column] {
    guard rows.contains(where: { $0.accuracy != nil || $0.latency != nil }) else { return all }
    return all.filter { column in
      rows.contains { row in
        let cell = column.cell(row)
        return !cell.isEmpty && cell != Column.missing
      }
    }
  }
}

/// The marks next to a number.
enum Mark {
  static let front = "●"
  static let withinNoise = "≈"
  static let slower = "▼"
  static let unreliable = "?"

  static let legend = [
    "\(front) on the Pareto front: no row of the table is as accurate and as fast, and better in one",
    "\(withinNoise) within noise of the baseline (McNemar mid-p ≥ 0.05; 95 % bootstrap interval "
      + "of the speed-up holds 1)",
    "\(slower) slower than the baseline, beyond noise",
    "\(unreliable) timing not reliable: nothing is concluded from it",
  ]
}

extension Row {
  /// The mark after a timing that is not reliable.
  var doubt: String { isReliable ? "" : " \(Mark.unreliable)" }

  /// How the parameters were chosen, then the parameters; `–` if there are none.
  var details: String {
    let parts = [reasons.words, parameters].compactMap { $0 }.filter { !$0.isEmpty }
    return parts.isEmpty ? Column.missing : parts.joined(separator: ", ")
  }
}

extension AccuracyFigures {
  /// Decimals that the number of images supports.
  var digits: Int { images >= 10_000 ? 2 : 1 }

  /// For example `92.1 ±1.2`: half of the interval's width.
  var top1Text: String {
    let half = (top1Interval.upper - top1Interval.lower) / 2
    return "\(fixed(top1Percent, digits: digits)) ±\(fixed(half, digits: digits))"
  }

  var top5Text: String { fixed(top5Percent, digits: digits) }
}

extension AccuracyChange {
  var digits: Int { outcomes.images >= 10_000 ? 2 : 1 }

  /// For example `−1.2`, marked if it is within noise.
  var text: String {
    signed(points, digits: digits) + (isWithinNoise ? " \(Mark.withinNoise)" : "")
  }
}

extension LatencyFigures {
  /// For example `12.31 (12.20–12.52)`: the median and the quartiles; a single sample has none.
  var text: String {
    let digits = decimals(milliseconds.median, significant: 4)
    guard milliseconds.count > 1 else { return fixed(milliseconds.median, digits: digits) }
    let parts = [milliseconds.median, milliseconds.lowerQuartile, milliseconds.upperQuartile]
      .map { fixed($0, digits: digits) }
    return "\(parts[0]) (\(parts[1])–\(parts[2]))"
  }
}

extension Speedup {
  /// For example `1.32×`, marked if it is within noise or a loss.
  var text: String {
    let mark =
      !isReliable
      ? " \(Mark.unreliable)"
      : isSlower ? " \(Mark.slower)" : isWithinNoise ? " \(Mark.withinNoise)" : ""
    return fixed(ratio, digits: 2) + "×" + mark
  }
}
