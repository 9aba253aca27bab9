import Records
import TokenReduction

/// Names of trials for display, and for `--only`.
package enum TrialLabel {
  /// For example `topk r=4`.
  package static func text(_ method: MethodSetting) -> String {
    let parameters = method.parameters.sorted { $0.key < $1.key }
      .map { "\($0.key)=\(compact($0.value))" }
    return ([method.name] + parameters).joined(separator: " ")
  }

  /// The method with only those parameters that differ from its defaults, for progress lines.
  package static func short(_ method: MethodSetting) -> String {
    let declared = TokenReductionRegistry.method(named: method.name)?.parameters ?? []
    var special = method.parameters.filter { key, value in
      declared.first { $0.name == key }?.defaultValue?.canonical != value
    }
    // One count for each block is a line of its own.
    if case .array(let counts)? = special[Schedule.tokens.name] {
      let runs = PlanText.runs(counts.compactMap(\.asInt)).replacing(" ", with: ",")
      special[Schedule.tokens.name] = .string(runs)
    }
    return text(MethodSetting(name: method.name, parameters: special))
  }

  /// For example `accuracy of demo_vit, topk r=4, images 0 to 249 of demo`.
  package static func text(_ trial: AccuracyTrial) -> String {
    "accuracy of \(trial.model.name), \(text(trial.method)), images \(trial.firstImage) to "
      + "\(trial.firstImage + trial.imageCount - 1) of \(trial.dataset.name)"
  }

  /// For example `latency of demo_vit, topk r=4, batch 1 on cpu`.
  package static func text(_ trial: LatencyTrial) -> String {
    "latency of \(trial.model.name), \(text(trial.method)), batch \(trial.batchSize) on "
      + trial.device.name
  }

  private static func compact(_ value: JSONValue) -> String {
    switch value {
    case .string(let text): text
    case .array(let values): values.map(compact).joined(separator: ",")
    default: value.shortText
    }
  }

  /// Whether a label matches a pattern, in which `*` means any text and `?` one character.
  ///
  /// A pattern without either may match anywhere in the label. Matching is case-insensitive.
  package static func matches(_ label: String, pattern: String) -> Bool {
    let hasWildcard = pattern.contains { $0 == "*" || $0 == "?" }
    let pattern = Array((hasWildcard ? pattern : "*\(pattern)*").lowercased())
    let text = Array(label.lowercased())
    // The classic algorithm with two indices: after a mismatch, the last star matches one more
    // character.
    var p = 0
    var t = 0
    var star: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == "*" {
        star = (p, t)
        p += 1
      } else if p < pattern.count, pattern[p] == "?" || pattern[p] == text[t] {
        p += 1
        t += 1
      } else if let last = star {
        star = (last.pattern, last.text + 1)
        p = last.pattern + 1
        t = last.text + 1
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
  }
}
