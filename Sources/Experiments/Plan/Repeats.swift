import Datasets
import OrderedCollections
import Records
import Support
import TokenReduction
import VisionModels

/// Finds duplicates in a spec: they are measured once, and the user may have meant something else.
struct Repeats {
  /// Nobody reads more.
  private static let maxListed = 10

  let planner: Planner

  /// One sentence for all duplicates; `nil` if there are none.
  var text: String? {
    let spec = planner.spec
    let found =
      repeats(spec.models.map { ($0.path, planner.identity($0)) })
      + repeats(indexed(spec.devices, "device")) + repeats(indexed(spec.batchSizes, "batch_size"))
      + repeats(indexed(spec.threads, "threads")) + repeats(indexed(spec.precisions, "precision"))
      + repeats(indexed(spec.engines, "engine")) + repeats(indexed(spec.gelus, "gelu"))
      + repeats(spec.datasets.map { ($0.path, $0.content) }) + methods
    guard !found.isEmpty else { return nil }
    let parts = found.map {
      $0.second == $0.first ? "\($0.first) repeats itself" : "\($0.second) repeats \($0.first)"
    }
    let listed = Array(OrderedSet(parts))
    return "\(spec.source.file): \(firstFew(listed, Self.maxListed)); each is measured once"
  }

  private struct Repeat {
    let first: String
    let second: String
  }

  private func indexed<Value>(_ values: [Value], _ key: String) -> [(String, Value)] {
    values.enumerated().map { ("\(key)[\($0)]", $1) }
  }

  private func repeats<Value: Hashable>(_ values: [(path: String, value: Value)]) -> [Repeat] {
    var first: [Value: String] = [:]
    return values.compactMap { path, value in
      guard let known = first[value] else {
        first[value] = path
        return nil
      }
      return Repeat(first: known, second: path)
    }
  }

  /// Methods that resolve to one setting for every model: `"25%"` may be the block that another
  /// entry names.
  private var methods: [Repeat] {
    struct Resolved: Hashable {
      let settings: [MethodSetting?]
      let search: RSearch?
      let layers: [JSONValue]
    }
    return repeats(
      planner.spec.methods.map { choice in
        let settings = planner.models.map { model in
          try? model.method(choice, r: choice.search == nil ? nil : 0).setting
        }
        return (
          choice.path, Resolved(settings: settings, search: choice.search, layers: choice.layers)
        )
      })
  }
}

extension Planner {
  /// Warnings about the spec before it runs, one sentence each.
  package var warnings: [String] {
    var warnings =
      [Repeats(planner: self).text, warningOfBaseline].compactMap { $0 } + warningsOfAccuracy
    for warning in datasets.flatMap(\.images.warnings) where !warnings.contains(warning) {
      warnings.append(warning)
    }
    return warnings
  }

  /// A warning if the spec measures methods without the baseline.
  private var warningOfBaseline: String? {
    let methods = spec.methods.map { $0.method.name }
    guard !methods.isEmpty, !methods.contains(NoReduction.name) else { return nil }
    return spec.source.place(of: "methods")
      + ": without \"\(NoReduction.name)\" there is no baseline, so that the report compares "
      + "nothing; add {\"method\": \"\(NoReduction.name)\"}"
  }

  /// A model of the spec by what determines its numbers.
  func identity(_ choice: ModelChoice) -> ModelIdentity? {
    models.first { $0.choice.path == choice.path }.map {
      ModelIdentity(setting: $0.setting, preprocessing: $0.choice.entry.preprocessing)
    }
  }

  /// What distinguishes one model of a spec from another.
  struct ModelIdentity: Hashable {
    let setting: ModelSetting
    let preprocessing: Preprocessing
  }
}
