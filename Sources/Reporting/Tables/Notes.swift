import Records
import Support

/// The notes of a table, numbered in the order of the rows.
///
/// Notes that differ only in their numbers are combined, with the range of each number, because a
/// noisy machine repeats the same note for many rows. The exact notes of every row are in the CSV.
struct NumberedNotes {
  /// A note's words between the numbers, and the numbers in each place.
  private struct Kind {
    let words: [Substring]
    var numbers: [[Substring]]
  }

  private var kinds: [Kind] = []

  /// The reference to put next to a row, for example `[1,3]`, or nothing.
  mutating func reference(to notes: [String]) -> String {
    guard !notes.isEmpty else { return "" }
    let found = notes.map { note in
      let (words, numbers) = Self.parts(of: note)
      if let known = kinds.firstIndex(where: { $0.words == words }) {
        for (i, number) in numbers.enumerated() { kinds[known].numbers[i].append(number) }
        return known + 1
      }
      kinds.append(Kind(words: words, numbers: numbers.map { [$0] }))
      return kinds.count
    }
    return "[" + Set(found).sorted().map(String.init).joined(separator: ",") + "]"
  }

  /// For example `[1] 3–6 of 60 samples are outliers`.
  var lines: [String] { kinds.enumerated().map { "[\($0 + 1)] \(Self.text(of: $1))" } }

  private static func text(of kind: Kind) -> String {
    let spans = kind.numbers.map { values in
      func value(_ text: Substring) -> Double { Double(text.replacing(",", with: "")) ?? 0 }
      let low = values.min { value($0) < value($1) } ?? ""
      let high = values.max { value($0) < value($1) } ?? ""
      return low == high ? String(low) : "\(low)–\(high)"
    }
    return zip(kind.words, spans + [""]).map { $0 + $1 }.joined()
  }

  /// A separate number: `bs2`, `host-7` and `1.2.3` are names.
  ///
  /// `unsafe` is fine because matching does not modify it.
  nonisolated(unsafe) private static let number = /(^|[ (])([0-9][0-9,]*(\.[0-9]+)?)(?=$|[ ,;)%×])/

  /// The words around the numbers of `note`, one more than there are numbers.
  private static func parts(of note: String) -> (words: [Substring], numbers: [Substring]) {
    var words: [Substring] = []
    var numbers: [Substring] = []
    var start = note.startIndex
    for match in note.matches(of: Self.number) {
      words.append(note[start..<match.2.startIndex])
      numbers.append(match.2)
      start = match.2.endIndex
    }
    words.append(note[start...])
    return (words, numbers)
  }
}

extension RowGroup {
  /// What all rows share, for example `demo_vit · demo (2,000 images) · cpu (…) · batch 1`.
  var title: String {
    var parts = [model.name]
    if let weights { parts[0] += " (\(weights.name))" }
    parts.append(
      dataset.map {
        "\($0.name) (\(grouped($0.images)) \(noun($0.images, "image"))\($0.order == nil ? "" : ", in random order"))"
      } ?? "no accuracy measured")
    parts.append(device?.text ?? "no latency measured")
    if let batchSize { parts.append("batch \(batchSize)") }
    parts.append(precision)
    return parts.joined(separator: " · ")
  }
}

extension RowGroup {
  /// The distance of each row from the next step down, for example `tail_effect r=72: prune 9 more
  /// tokens and gain about 0.80 ms (0.71–0.88)`.
  var nextStepLines: [String] {
    // Rows of the grid itself need no such note.
    rows.filter { $0.family != .random }
      .compactMap { row in row.nextStep.map { "\(row.label): \($0.text)" } }
  }
}

extension SimulationSetting {
  /// The error of earlier predictions for the device, as a clause.
  var errorText: String {
    guard let checkedPoints, let medianErrorPercent, let worstErrorPercent else {
      return "its constants were never checked against a latency"
    }
    return
      "off by \(trimmed(medianErrorPercent, digits: 1)) % in the median and "
      + "\(trimmed(worstErrorPercent, digits: 1)) % at worst at \(checkedPoints) latencies that its "
      + "fit did not see"
  }
}

extension DeviceSetting {
  /// For example `cpu: Xeon 8275CL, 2 threads`, with the engine if it is not the default.
  var text: String {
    if let simulated {
      return "\(name): \(hardware), \(simulated.precision), \(simulated.execution) execution, "
        + "predicted and not measured"
    }
    let threads = threads == 0 ? "" : ", \(counted(threads, "thread"))"
    return "\(name): \(hardware)\(threads)\(engine.map { ", \($0) engine" } ?? "")"
  }
}
