import Records
import TokenReduction

/// What files of weights are to a model: where its tensors are in them, and what else is there.
package struct WeightFit: Sendable {
  /// The project whose names the tensors carry.
  package let layout: any CheckpointLayout
  /// What stands before every name, such as `module.`; empty where nothing does.
  package let wrapper: String
  /// The entry that the copy lies under, as a spec names it.
  package var checkpointKey: String { String(wrapper.dropLast()) }
  /// Tensors that the model has no use for, such as a second classifier.
  package let unused: [String]
  /// Other copies of the model in the files that were left: `model_ema`.
  package let others: [String]
  /// Tensors that the family brings to its own shape: positions of another grid.
  let reshaped: [String]
  /// How it does so, as a spec names it.
  var interpolation: String?
  let missing: [String]
  let wrongShape: [String]
  /// Names that belong to no part of the model, nor to a part that may be left.
  let extra: [String]

  /// How many classes the file's classifier has, where nothing else keeps the file from fitting.
  let otherClasses: Int?

  package var fits: Bool { missing.isEmpty && wrongShape.isEmpty && extra.isEmpty }

  /// Finds the copy of the model in the files that has the most of its tensors: of several, the one
  /// that timm takes.
  ///
  /// - Parameter checkpointKey: The entry that the copy lies under; `nil` for any.
  init(
    _ files: CheckpointFiles, _ expected: [WeightSpecification], layouts: [any CheckpointLayout],
    checkpointKey: String? = nil
  ) {
    let names = files.names
    let allowed = WeightCopies.wrappers(of: names, under: checkpointKey)
    let elsewhere = WeightCopies.wrappers(of: names).filter { !allowed.contains($0) }
    var candidates: [(wrapper: String, layout: any CheckpointLayout, found: Int)] = []
    for wrapper in allowed + elsewhere {
      let keys = Set(names.lazy.filter { $0.hasPrefix(wrapper) }.map { Self.strip($0, wrapper) })
      let layout = (layouts.first { $0.detects(keys) } ?? TimmLayout()).adapted(to: keys)
      let found = expected.count { layout.source(of: $0.key).keys.allSatisfy(keys.contains) }
      candidates.append((wrapper, layout, found))
    }
    let maximum = candidates.prefix(allowed.count).map(\.found).max() ?? 0
    let best = candidates.first { $0.found == maximum } ?? ("", TimmLayout(), 0)
    wrapper = best.wrapper
    layout = best.layout
    others =
      maximum == 0
      ? [] : candidates.filter { $0.found == maximum && $0.wrapper != best.wrapper }.map(\.wrapper)
    var (missing, wrongShape, reshaped): ([String], [String], [String]) = ([], [], [])
    var otherClasses: Set<Int?> = []
    var known: Set<String> = []
    for specification in expected {
      let source = best.layout.source(of: specification.key)
      known.formUnion(source.keys)
      guard let shape = source.shape({ files.shape(best.wrapper + $0) }) else {
        missing.append(specification.key)
        continue
      }
      guard shape != specification.shape else { continue }
      guard specification.accepts?(shape) != true else {
        reshaped.append("\(specification.key) \(shape) brought to \(specification.shape)")
        continue
      }
      wrongShape.append("\(specification.key) is \(shape), not \(specification.shape)")
      let isClassifier =
        Self.isHead(specification.key) && shape.dropFirst() == specification.shape.dropFirst()
      otherClasses.insert(isClassifier ? shape.first : nil)
    }
    var (unused, extra): ([String], [String]) = ([], [])
    for name in names.sorted() {
      // Another copy may lie below this one: `ema.` next to names with nothing before them.
      let isInside =
        name.hasPrefix(best.wrapper)
        && !others.contains { $0.hasPrefix(best.wrapper) && name.hasPrefix($0) }
      let key = isInside ? Self.strip(name, best.wrapper) : name
      if isInside, known.contains(key) || Self.isOfTraining(key) { continue }
      // A method that was trained with the model brings its own.
      if isInside, TokenReductionRegistry.isMethodTensor(key) { continue }
      if !isInside || Self.isHead(key) { unused.append(name) } else { extra.append(key) }
    }
    (self.missing, self.wrongShape, self.unused, self.extra) = (missing, wrongShape, unused, extra)
    let isAlone = missing.isEmpty && extra.isEmpty && otherClasses.count == 1
    self.otherClasses = isAlone ? otherClasses.first ?? nil : nil
    self.reshaped = reshaped
  }

  private static func strip(_ name: String, _ wrapper: String) -> String {
    String(name.dropFirst(wrapper.count))
  }

  /// Tensors of training alone, and tables that follow from sizes.
  private static func isOfTraining(_ key: String) -> Bool {
    let last = key.split(whereSeparator: { $0 == "." || $0 == "/" }).last.map(String.init) ?? key
    return [
      "mask_token", "num_batches_tracked", "position_ids", "relative_position_index", "attn_mask",
      "attention_bias_idxs", "relative_coords_table",
    ].contains(last)
  }

  /// Classifiers and what projects before them, which a model may have no use for.
  private static func isHead(_ key: String) -> Bool {
    let words = key.split(whereSeparator: { $0 == "." || $0 == "/" }).prefix(2)
    return words.contains {
      [
        "head", "heads", "head_dist", "classifier", "cls_classifier", "distillation_classifier",
        "linear", "linear_head", "pooler", "pre_logits", "dino_head", "ibot_head",
        "score_predictor",
      ].contains($0)
    }
  }

  /// What a person should know of the files, one clause each; empty where all is plain.
  package var notes: [String] {
    var notes: [String] = []
    if layout.name != TimmLayout().name { notes.append("\(layout.name)'s names") }
    if !wrapper.isEmpty { notes.append("the tensors under \(wrapper.dropLast())") }
    if !reshaped.isEmpty {
      let way = interpolation.map { " by \"position_interpolation\": \"\($0)\"" } ?? ""
      notes.append(reshaped.joined(separator: ", ") + way)
    }
    if !others.isEmpty {
      let keys = others.map { "\"\($0.dropLast())\"" }.joined(separator: " or ")
      notes.append(
        others.count == 1
          ? "left another copy of the model, which \"checkpoint_key\": \(keys) takes"
          : "left other copies of the model, which \"checkpoint_key\" takes: \(keys)")
    }
    let left = Self.groups(unused.filter { name in !others.contains { name.hasPrefix($0) } })
    if !left.isEmpty { notes.append("left \(left.joined(separator: ", "))") }
    return notes
  }

  /// Names by what they begin with: `head_dist.* (2 tensors)`.
  static func groups(_ names: [String]) -> [String] {
    var counts: [(String, Int)] = []
    for name in names {
      let parts = name.split(separator: ".")
      let group = parts.count > 1 ? "\(parts[0]).*" : name
      if let last = counts.last, last.0 == group {
        counts[counts.count - 1].1 += 1
      } else {
        counts.append((group, 1))
      }
    }
    return counts.map { $0.1 == 1 ? $0.0 : "\($0.0) (\($0.1) tensors)" }
  }
}

extension ModelArchitecture {
  /// What files of weights are to this model, every key and shape compared.
  ///
  /// - Throws: `VisionModelsError.weightsDoNotFit` with all that is wrong, `.noHead` for a backbone
  ///   without the classifier that the model needs, or `.noCheckpointKey`.
  package func fit(
    _ files: CheckpointFiles, checkpointKey: String? = nil, name: String = "this model"
  ) throws -> WeightFit {
    var fit = try FileWeights(
      files, checkpointKey: checkpointKey, model: name, tensors, layouts: Self.layouts
    ).fit
    fit.interpolation = members["position_interpolation"]?.asString
    return fit
  }
}
