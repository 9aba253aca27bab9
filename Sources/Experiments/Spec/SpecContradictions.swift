import Datasets
import Records
import Support
import Tensors
import TokenReduction
import VisionModels

/// Contradictions between keys of a spec that are each valid.
enum SpecContradictions {
  static func find(in spec: Spec, _ devices: DeviceKinds, checker: inout RuleChecker) {
    measurement(spec, &checker)
    effort(spec, &checker)
    device(spec, devices, &checker)
    gelu(spec, devices, &checker)
    accuracy(spec, &checker)
    search(spec, &checker)
    grid(spec, &checker)
    SpecRules.checkMatches(spec.published, &checker)
    baselines(spec, &checker)
    control(spec, &checker)
    race(spec, &checker)
    matchedDrop(spec, &checker)
  }

  /// A race without a baseline.
  private static func race(_ spec: Spec, _ checker: inout RuleChecker) {
    guard spec.accuracy.until != nil, !spec.methods.isEmpty,
      !spec.methods.contains(where: { $0.method == NoReduction.self })
    else { return }
    checker.report(
      "accuracy.until",
      "it is the width of a difference to the baseline, and the spec has none; add "
        + "{\"method\": \"none\"}")
  }

  /// An accuracy match without settings to choose from.
  private static func matchedDrop(_ spec: Spec, _ checker: inout RuleChecker) {
    guard spec.matchedDrop != nil, !spec.methods.isEmpty else { return }
    if let missing = missing(spec) {
      checker.report(
        "match_accuracy_drop",
        "settings are chosen from measured latency and accuracy, and \(missing); leave it out")
    } else if AccuracyMatch.types(of: spec).isEmpty {
      checker.report(
        "match_accuracy_drop", "the spec names no method that removes tokens; add one")
    }
  }

  /// A control without a method.
  private static func control(_ spec: Spec, _ checker: inout RuleChecker) {
    guard spec.control, !spec.methods.isEmpty,
      spec.methods.allSatisfy({
        TokenReductionRegistry.isBaseline($0.method.name) || $0.method == RandomRemoval.self
      })
    else { return }
    checker.report(
      "control",
      "no method of the spec chooses which tokens go, so there is nothing to compare random removal "
        + "with; add one, or leave it out")
  }

  /// Baselines that are not models of the spec.
  private static func baselines(_ spec: Spec, _ checker: inout RuleChecker) {
    let models = spec.models.map(\.name)
    guard !models.isEmpty else { return }
    for (model, baseline) in spec.baselines.sorted(by: { $0.key < $1.key }) {
      for name in [model, baseline] where name != "*" && !models.contains(name) {
        checker.report(
          model == "*" ? "baseline" : "baseline.\(model)",
          "\"\(name)\" is not a model of this spec; "
            + NearestName.advice(name, among: models, noun: "its models"))
      }
    }
  }

  private static func measurement(_ spec: Spec, _ checker: inout RuleChecker) {
    let measuresAccuracy =
      spec.accuracy.mode == .yes
      || spec.accuracy.mode == .whereTrained
        && (spec.models.isEmpty || spec.models.contains(where: \.isTrained))
    guard spec.latency == nil, !measuresAccuracy else { return }
    checker.report(
      "latency",
      spec.accuracy.mode == .no
        ? "both \"latency\" and \"accuracy\" are false, so nothing is measured; set one to true"
        : "it is false, and accuracy needs trained weights, so nothing is measured; give weights")
  }

  /// A maximum below the minimum.
  private static func effort(_ spec: Spec, _ checker: inout RuleChecker) {
    for (key, timing) in [("latency", spec.latency), ("grid", spec.grid.timing)] {
      guard let timing, let maximum = timing.maxSeconds, maximum < timing.minSeconds else {
        continue
      }
      func text(_ seconds: Double) -> String { JSONValue.number(seconds).shortText }
      checker.report(
        "\(key).max_seconds",
        "\(text(maximum)) is below \(key).min_seconds, which is \(text(timing.minSeconds)); raise it"
      )
    }
  }

  /// Not every kind of device has the approximate GELU, and its accuracy is not that of the exact
  /// model.
  private static func gelu(
    _ spec: Spec, _ devices: DeviceKinds, _ checker: inout RuleChecker
  ) {
    guard spec.gelus.contains("tanh") else { return }
    let kinds = spec.devices.compactMap { device -> DeviceKind? in
      guard case .here(let name) = device else { return nil }
      return devices.kind(of: name)
    }
    if let exact = kinds.first(where: { !$0.hasTanhGELU }) {
      let able = series(devices.kinds.filter(\.hasTanhGELU).map(\.title), "or")
      checker.report(
        "gelu",
        "\"tanh\" needs \(able), and \(exact.title) computes the exact GELU; leave "
          + "\"\(exact.name)\" out of \"device\", or make two specs")
    }
    if spec.accuracy.mode != .no, spec.models.contains(where: \.isTrained) {
      checker.report(
        "gelu",
        "\"tanh\" changes what a model computes, and accuracy is that of the exact GELU; set "
          + "\"accuracy\" to false")
    }
  }

  /// What a kind of device does not support; records of other machines are not checked.
  private static func device(
    _ spec: Spec, _ devices: DeviceKinds, _ checker: inout RuleChecker
  ) {
    for kind in devices.kinds {
      let named = spec.devices.compactMap { device in
        if case .here(let name) = device, kind.includes(name) { name } else { nil }
      }
      guard let name = named.first else { continue }
      let own = kind.precisions.map(\.rawValue)
      if let other = spec.precisions.first(where: { !own.contains($0) }) {
        let able = devices.kinds.first { $0.precisions.map(\.rawValue).contains(other) }
        checker.report(
          "precision",
          "\"\(other)\" needs \(able?.title ?? "another device"), and \(kind.title) computes in "
            + "\(series(own, "or")); leave \"\(name)\" out of \"device\", or make two specs")
      }
      if let engine = spec.engines.first(where: { kind.float32Engines[$0] != nil }),
        let other = spec.precisions.first(where: { $0 != Precision.float32.rawValue })
      {
        checker.report(
          "engine",
          "\"\(engine)\" computes only float32, but \"precision\" has \(other); use "
            + "\"\(kind.float32Engines[engine] ?? "")\", or make two specs")
      }
      if spec.latency?.l2 == .cold, !kind.hasFlushableCache {
        let able = devices.kinds.first { $0.hasFlushableCache }
        checker.report(
          "latency.l2",
          "only \(able?.title ?? "another device")'s cache can be emptied, and \"device\" names "
            + "\(kind.title); leave it out")
      }
    }
  }

  private static func accuracy(_ spec: Spec, _ checker: inout RuleChecker) {
    guard spec.accuracy.mode != .no else { return }
    for model in spec.models {
      if spec.accuracy.mode == .yes, !model.isTrained {
        checker.report(
          model.path,
          "accuracy needs trained weights, and \(whyRandom(model)); give \"weights\" a file, or "
            + "set \"accuracy\" to false")
      }
      guard model.isTrained else { continue }
      for dataset in spec.datasets {
        guard let (name, classes) = dataset.kind.knownClasses,
          classes != model.entry.info.classes
        else { continue }
        checker.report(
          dataset.path,
          "\(name) has \(classes) classes and \(model.name) has "
            + "\(model.entry.info.classes); name the data set that it was "
            + "trained on")
      }
    }
  }

  private static func whyRandom(_ model: ModelChoice) -> String {
    let demo = ModelReader.demoModel
    return model.name == ModelChoice.customPrefix + demo
      ? "those of \(demo) do not fit the changed \"architecture\""
      : "\(model.name) has random ones"
  }

  private static func search(_ spec: Spec, _ checker: inout RuleChecker) {
    for method in spec.methods {
      guard let search = method.search else { continue }
      if case .asFastAs(let other) = search {
        match(method, other, spec, &checker)
      } else if let missing = missing(spec) {
        let chooser =
          if case .utility = search { "r is not given, so alpha chooses it" } else { "r is chosen" }
        checker.report(
          method.path,
          "\(chooser) from measured latency and accuracy, and \(missing); give r itself")
      }
    }
  }

  /// What is missing for a choice from latency and accuracy.
  private static func missing(_ spec: Spec) -> String? {
    if spec.latency == nil { return "\"latency\" is false" }
    if spec.accuracy.mode == .no { return "\"accuracy\" is false" }
    return spec.models.first { !$0.isTrained }.map { "\($0.name) has random weights" }
  }

  private static func match(
    _ method: MethodChoice, _ other: String, _ spec: Spec, _ checker: inout RuleChecker
  ) {
    let path = "\(method.path).\(SpecRules.matchLatency.key)"
    if spec.latency == nil {
      checker.report(
        path, "r is chosen from measured latency, and \"latency\" is false; give r itself")
    }
    let rows = spec.methods.filter { $0.method.name == other }
    if rows.isEmpty {
      checker.report(path, "the spec has no other entry of \"\(other)\"; add one, or name another")
    } else if rows.contains(where: { if case .asFastAs = $0.search { true } else { false } }) {
      checker.report(
        path, "\"\(other)\" is itself matched to another; match what that is matched to")
    }
  }

  private static func grid(_ spec: Spec, _ checker: inout RuleChecker) {
    if let start = spec.grid.start, let stop = spec.grid.stop, start > stop {
      checker.report("grid.start", "\(start) is above grid.stop, which is \(stop); swap them")
      return
    }
    let searches = spec.methods.contains { $0.search?.needsAccuracy == true }
    for model in spec.models {
      let geometry = model.entry.info.tokens
      let points = spec.grid.tokenCounts(geometry).count
      if searches, points == 1 {
        checker.report(
          "grid",
          "it has one token count of \(model.name), and a search needs two to choose from; lower "
            + "\"stride\" or \"start\"")
      }
      for (key, value) in [("start", spec.grid.start), ("stop", spec.grid.stop)] {
        guard let value, value > geometry.tokens else { continue }
        checker.report(
          "grid.\(key)",
          "\(value) exceeds the \(geometry.tokens) tokens of \(model.name), prefix included")
      }
      if let start = spec.grid.start, start <= geometry.prefixTokens {
        checker.report(
          "grid.start",
          "\(start) leaves no patch token of \(model.name); it must be from "
            + "\(geometry.prefixTokens + 1)")
      }
    }
  }
}
