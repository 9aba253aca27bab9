import Foundation
import Records
import Support
import TokenReduction

/// A plan as text, for users who want to see it before it runs.
package struct PlanText {
  private let planner: Planner
  private let plan: Plan
  private let isDone: (String) -> Bool

  package init(planner: Planner, plan: Plan, isDone: @escaping (String) -> Bool) {
    self.planner = planner
    self.plan = plan
    self.isDone = isDone
  }

  /// One line: the number of trials, and the estimated time.
  package func summary(open: Int, expectedSeconds: Double) -> String {
    let total = plan.keys.count
    let waiting = plan.pending.reduce(0) { $0 + $1.choices.count }
    var parts = ["\(counted(total, "trial")): \(open) to measure, \(total - open) already recorded"]
    if waiting > 0 {
      parts.append("\(counted(waiting, "more row")) once the searches are measured")
    }
    if plan.racing > 0 {
      parts.append("\(counted(plan.racing, "method")) in a race, batch after batch")
    }
    if plan.matching > 0 { parts.append("more while settings within the drop are sought") }
    if open > 0 { parts.append("about \(Self.duration(expectedSeconds))") }
    return parts.joined(separator: "; ")
  }

  /// Every trial, with all defaults filled in.
  package var lines: [String] {
    var lines = planner.models.map(line) + planner.devices.map(line)
    lines.append(
      "seed: \(planner.spec.seed); a bad image \(planner.spec.skipsBadImages ? "is left out" : "stops the run")"
    )
    for work in plan.accuracy { lines += [""] + block(work) }
    for work in plan.latency + plan.waiting { lines += [""] + block(work) }
    for search in plan.pending { lines += [""] + block(search) }
    for (device, reason) in plan.unavailable { lines += ["", "not on \(device): \(reason)"] }
    if !plan.elsewhere.isEmpty {
      lines += ["", "to be measured on another machine:"] + plan.elsewhere.map { "  \($0)" }
    }
    return lines
  }

  private func line(_ model: PlannedModel) -> String {
    let info = model.info
    let weights = model.setting.weights.map { "\($0.name) (\($0.digest.prefix(16)))" } ?? "none"
    let stages = info.stages.map { stage in
      "\(stage.tokens) tokens, \(stage.prefixTokens) of them prefix; \(stage.blocks) blocks of width "
        + "\(stage.width), \(stage.heads) heads; "
    }
    let notes = model.notes.isEmpty ? "" : "; " + model.notes.joined(separator: "; ")
    return "model \(model.setting.name): \(stages.joined())weights: \(weights)\(notes)"
  }

  private func line(_ device: PlannedDevice) -> String {
    "device \(device.setting.name): \(device.setting.hardware), "
      + "\(counted(device.setting.threads, "thread")), \(device.backend.libraryDescription)"
  }

  private func block(_ work: AccuracyWork) -> [String] {
    let shards = work.shards
    let dataset = work.dataset.images
    let race =
      work.dataset.order.map { order in
        let until = planner.spec.accuracy.until.map {
          ", until each difference is known to ±\(JSONValue.number($0).shortText) pp"
        }
        return "; images in random order (\(order)), batch after batch\(until ?? "")"
      } ?? ""
    let heading =
      "accuracy of \(work.model.setting.name) on \(dataset.name) (\(dataset.layout)): "
      + "\(counted(dataset.count, "image")) in \(counted(shards.count, "shard")) of at most "
      + "\(shards.first?.count ?? 0), batch \(work.batchSize), \(work.precision), on "
      + "\(work.device.setting.name); \(work.model.choice.entry.preprocessing.text)\(race)"
    return [heading]
      + work.methods.map { method in
        let done = method.trials.count { isDone($0.key) }
        return methodLine(
          method.method, state: "\(done) of \(counted(method.trials.count, "shard")) recorded")
      }
  }

  private func block(_ work: LatencyWork) -> [String] {
    let timing = work.timing
    let heading =
      "\(work.purpose.rawValue) of \(work.model.setting.name), batch "
      + "\(work.batchSize), \(work.precision), on \(work.device.setting.name): interleaved, warmup "
      + "\(timing.warmup), then at least \(JSONValue.number(timing.minSeconds).shortText) s and "
      + "\(counted(timing.minSamples, "sample")), until ±\(Self.percent(timing.rule.until ?? 0)) or "
      + "\(JSONValue.number(timing.rule.maxSeconds).shortText) s"
    return [heading]
      + work.trials.map { trial in
        methodLine(trial.method, state: isDone(trial.key) ? "recorded" : "to measure")
      }
  }

  private func block(_ search: PendingSearch) -> [String] {
    let place =
      "\(search.model.setting.name), batch \(search.batchSize) on \(search.device.name)"
    return [
      "r is chosen for \(place), once \(counted(search.missing, "trial")) of the search are measured"
    ]
      + search.choices.map { choice in
        // With any r the other parameters resolve alike.
        let method = try? search.model.method(choice, r: 0).setting
        var parameters = method?.parameters ?? choice.parameters
        parameters["r"] = nil
        if !choice.layers.isEmpty {
          parameters["layer"] = .array(choice.layers)
        }
        return "  "
          + TrialLabel.text(MethodSetting(name: choice.method.name, parameters: parameters))
          + "; \(choice.search?.specText ?? "")"
      }
  }

  private static func percent(_ share: Double) -> String {
    JSONValue.number((share * 1e4).rounded() / 100).shortText + " %"
  }

  private func methodLine(_ method: PlannedMethod, state: String) -> String {
    let tokens = method.composition.tokensAfterBlocks
    let cut = method.cut.map { " (\($0))" } ?? ""
    // A model of convolutions has none.
    let counts = tokens.isEmpty ? "" : "tokens after blocks \(Self.runs(tokens))\(cut); "
    return "  \(TrialLabel.text(method.setting)): \(counts)\(state)"
  }

  /// Token counts with repeats folded: `145×3 73×9`.
  package static func runs(_ counts: [Int]) -> String {
    var folded: [(count: Int, times: Int)] = []
    for count in counts {
      if let last = folded.last, last.count == count {
        folded[folded.count - 1].times += 1
      } else {
        folded.append((count, 1))
      }
    }
    return folded.map { $0.times == 1 ? "\($0.count)" : "\($0.count)×\($0.times)" }
      .joined(separator: " ")
  }

  /// Seconds as text: `40 s`, `3 min 20 s`, `2 h 5 min`.
  package static func duration(_ seconds: Double) -> String {
    let whole = Int(max(0, seconds).rounded(.up))
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3600: return whole % 60 == 0 ? "\(whole / 60) min" : "\(whole / 60) min \(whole % 60) s"
    default: return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
  }
}
