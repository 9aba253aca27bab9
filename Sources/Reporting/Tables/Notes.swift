import Records

/// The notes of a table, numbered in the order of the rows; equal notes share a number.
struct NumberedNotes {
  private(set) var texts: [String] = []
  private var numbers: [String: Int] = [:]

  /// The reference to put beside a row, for example `[1,3]`, or nothing.
  mutating func reference(to notes: [String]) -> String {
    guard !notes.isEmpty else { return "" }
    let found = notes.map { note in
      if let number = numbers[note] { return number }
      texts.append(note)
      numbers[note] = texts.count
      return texts.count
    }
    return "[" + Set(found).sorted().map(String.init).joined(separator: ",") + "]"
  }

  /// For example `[1] 3 of 60 samples are outliers`.
  var lines: [String] { texts.enumerated().map { "[\($0 + 1)] \($1)" } }
}

extension RowGroup {
  /// What all rows share, for example `demo_vit · demo (2,000 images) · cpu (…) · batch 1`.
  var title: String {
    var parts = [model.name]
    if let weights { parts[0] += " (\(weights.name))" }
    parts.append(
      dataset.map { "\($0.name) (\(grouped($0.images)) images)" } ?? "no accuracy measured")
    parts.append(device?.text ?? "no latency measured")
    if let batchSize { parts.append("batch \(batchSize)") }
    parts.append(precision)
    return parts.joined(separator: " · ")
  }
}

extension RowGroup {
  /// How far each row is from the next step down, for example
  /// `tail_effect r=72: prune 9 more tokens and gain about 0.80 ms (0.71–0.88)`.
  var nextStepLines: [String] {
    // The grid's own rows are the staircase; they need no directions on it.
    rows.filter { $0.method.name != gridMethod }
      .compactMap { row in row.nextStep.map { "\(row.label): \($0.text)" } }
  }
}

extension DeviceSetting {
  /// For example `cpu: Xeon 8275CL, 2 threads`.
  var text: String {
    let threads = threads == 0 ? "" : ", \(threads) thread\(threads == 1 ? "" : "s")"
    return "\(name): \(hardware)\(threads)"
  }
}
