import Datasets
import Records
import SimulatedDevices
import Support
import Tensors
import TokenReduction
import VisionModels

/// Every key of a spec, declared once: validation, `lab schema` and `--dry-run` all read this.
package enum SpecRules {
  /// Keys of the whole spec, for a program that has these devices.
  package static func root(_ devices: DeviceKinds) -> [KeyRule] {
    let precisions = devices.kinds.map { kind in
      "\(kind.title) has \(series(kind.precisions.map(\.rawValue), "and"))"
    }
    return [
      KeyRule(
        "name", .fileName, standard: .described("the file's name"),
        "the name of the results folder"),
      KeyRule(
        "extends", .text,
        "another spec, whose keys apply wherever this one does not set them"),
      KeyRule("description", .text, "a text for readers"),
      KeyRule("$schema", .text, "for editors"),
      KeyRule(
        "model", .axis(.either([.modelName, .object(model)])), required: true,
        "a model's name, hf:OWNER/NAME, a folder with a config.json, or its name and weights"),
      KeyRule(
        "dataset", .axis(.either(DatasetKinds.rules)),
        standard: .value(.string("demo")), "where the images come from"),
      KeyRule(
        "device",
        .axis(.either([.device(devices), .object(recordedDevice), .object(simulatedDevice)])),
        standard: .value(.string(devices.standard.name)),
        "where to measure latency; accuracy is computed on the first"),
      KeyRule(
        "batch_size", .axis(.integer(minimum: 1, maximum: 65_536)), standard: .value(.integer(1)),
        "images per timed batch"),
      KeyRule("methods", .list(.method), required: true, "the token-reduction methods to compare"),
      KeyRule(
        "match_accuracy_drop", .number(minimum: 0, exclusiveMinimum: false, maximum: 100),
        "adds a table of each method's fastest setting that loses at most this many "
          + "points of top-1, found over its r or keep_rate with as few images as "
          + "necessary"),
      KeyRule(
        "control", .boolean, standard: .value(.boolean(false)),
        "adds a row to each method: random removal of as many tokens at the same blocks"),
      KeyRule(
        "accuracy", .either([.boolean, .object(accuracy)]),
        standard: .described("measured where the weights are trained"),
        "whether and how to measure accuracy"),
      KeyRule(
        "latency", .either([.boolean, .object(latency)]), standard: .value(.boolean(true)),
        "whether and how to measure latency"),
      KeyRule("grid", .object(grid), "the token counts of the tail-effect search"),
      KeyRule(
        "seed", .integer(minimum: 0, maximum: nil), standard: .value(.integer(0)),
        "the seed of random weights, of methods without their own seed, and of the "
          + "order of timings"),
      KeyRule(
        "on_bad_image", .choice(["stop", "skip"]), standard: .value(.string("stop")),
        "whether an image that cannot be read stops the run or is left out and named"),
      KeyRule(
        "precision", .axis(.choice(Precision.allCases.map(\.rawValue))),
        standard: .value(.string("float32")),
        "of weights and of what they are multiplied with; " + precisions.joined(separator: "; ")),
      KeyRule(
        "threads", .axis(.integer(minimum: 1, maximum: 4096)), standard: .described("every core"),
        "worker threads on a CPU"),
      KeyRule(
        "engine", .axis(.choice(devices.engines)),
        standard: .value(.string(DeviceKind.automaticEngine)),
        "the GEMM engine on a CPU: lab's kernels with prepacked weights, OpenBLAS "
          + "(Accelerate on macOS), or the faster one by a short trial"),
      KeyRule(
        "gelu", .axis(.choice(["exact", "tanh"])), standard: .value(.string("exact")),
        "GELU on a cuda device: exact, or the tanh approximation that the library "
          + "fuses into the preceding layer, to see what that gains; latency only"),
      KeyRule(
        "baseline", .either([.text, .names]),
        "the model that the others are compared with, or one for each model"),
      KeyRule(
        "published", .either([.object(published), .list(.object(published))]),
        "published numbers that the report compares with the measured ones"),
    ]
  }

  static let recordedDevice: [KeyRule] = [
    KeyRule(
      "recorded", .text, required: true,
      "a part of the hardware name of another machine, whose records are in the "
        + "results folder")
  ]

  static let simulatedDevice: [KeyRule] = [
    KeyRule(
      "simulated", .text, required: true,
      "a simulated device of `lab devices`, whose latencies are predicted, or its JSON file"),
    KeyRule(
      "execution", .choice(Execution.allCases.map(\.rawValue)),
      standard: .value(.string(Execution.eager.rawValue)),
      "kernel by kernel, as an eager framework launches them, or as a captured graph"),
    KeyRule(
      "precision", .choice(Precision.allCases.map(\.rawValue)),
      standard: .described("the device's own"), "the precision of the predicted passes"),
  ]

  static let model: [KeyRule] = [
    KeyRule(
      "name", .text, standard: .value(.string("custom")),
      "a name of `lab models`, hf:OWNER/NAME, or a folder with a config.json"),
    KeyRule(
      "weights", .either([.text, .list(.text)]),
      standard: .described("\"demo\" for demo_vit, else \"random\""),
      "a file of weights (safetensors, .pth, .npz), hf:OWNER/NAME, a list of a backbone's and its "
        + "classifier's, \"random\", or \"demo\""),
    KeyRule(
      "checkpoint_key", .text,
      standard: .described(
        "the moving average if there is one, otherwise the plain weights, as in timm"),
      "which copy of the model in a training checkpoint, by its entry: model, "
        + "model_ema, state_dict, teacher"),
    KeyRule(
      "architecture", .object(architecture), standard: .described("that of the named model"),
      "sizes that differ from the named model's, or all of them"),
    KeyRule(
      "preprocessing", .object(preprocessing), standard: .described("that of the named model"),
      "differences in the preprocessing of images; `--dry-run` shows all of it"),
  ]

  static let preprocessing: [KeyRule] = [
    KeyRule(
      "resize", .integer(minimum: 1, maximum: 16_384),
      standard: .described("from crop_fraction, or the model's"),
      "pixels of the shorter side before the central crop of the model's image size"),
    KeyRule(
      "crop_fraction", .number(minimum: 0, exclusiveMinimum: true, maximum: 1),
      standard: .described("the model's"),
      "image size divided by resize, which is rounded down as timm does"),
    KeyRule(
      "squash", .boolean, standard: .described("the model's, mostly false"),
      "resize both sides regardless of the aspect ratio"),
    KeyRule(
      "interpolation", .choice(Preprocessing.Interpolation.allCases.map(\.rawValue)),
      standard: .described("the model's"), "the antialiased filter of the resize"),
    KeyRule(
      "mean", .list(.number(minimum: -1000, exclusiveMinimum: false, maximum: 1000)),
      standard: .described("the model's"), "mean of red, green and blue, between 0 and 1"),
    KeyRule(
      "std", .list(.number(minimum: 0, exclusiveMinimum: true, maximum: 1000)),
      standard: .described("the model's"), "of red, green and blue"),
  ]

  /// The sizes of every family; where there is more than one, the first key names it.
  package static let architecture: [KeyRule] = {
    let families = ModelRegistry.families.filter { !$0.parameters.isEmpty }
    var rules: [KeyRule] = []
    if families.count > 1 {
      rules.append(
        KeyRule(
          "family", .choice(families.map { $0.family }),
          standard: .described("that of the named model, else \"\(ModelRegistry.defaultFamily)\""),
          "the model family of these sizes"))
    }
    for parameter in families.flatMap({ $0.parameters })
    where !rules.contains(where: { $0.key == parameter.name }) {
      rules.append(
        KeyRule(
          parameter.name, parameter.rule,
          standard: parameter.otherwise.map { .described($0) }
            ?? parameter.defaultValue.map { .value($0) } ?? .none, parameter.summary))
    }
    return rules
  }()

  static let manifest = KeyRule(
    "manifest", .text, standard: .described("every image is read once"),
    "the manifest that `lab dataset check` wrote for this data set, whose hashes are "
      + "then trusted")

  static let validClasses = KeyRule(
    "valid_classes",
    .either([.choice(["present"]), .list(.integer(minimum: 0, maximum: 1_000_000))]),
    standard: .described("all classes of the model"),
    "the classes that may be predicted: a list, or \"present\" for those that have images")

  static let limit = KeyRule(
    "limit", .integer(minimum: 1, maximum: nil), standard: .described("all images"),
    "the number of images in a seeded, class-balanced sample")

  static let accuracy: [KeyRule] = [
    KeyRule(
      "images", .integer(minimum: 1, maximum: 1_000_000), standard: .described("all images"),
      "the number of images in a seeded, class-balanced sample"),
    KeyRule(
      "batch_size", .integer(minimum: 1, maximum: 4096), standard: .value(.integer(50)),
      "batch size; predictions depend on it only if \"normalization\" is \"batch\""
    ),
    KeyRule(
      "until", .points(maximum: 50), standard: .described("every image"),
      "a race on images in random order: a method stops when the half-width of the 95 "
        + "% interval of its difference from the baseline is this small, or when it is "
        + "clearly off the front"),
  ]

  static let latency: [KeyRule] = [
    KeyRule(
      "min_seconds", .number(minimum: 0, exclusiveMinimum: false, maximum: 3600),
      standard: .value(.number(1)), "minimum timed seconds of each variant"),
    KeyRule(
      "min_samples", .integer(minimum: 1, maximum: 100_000), standard: .value(.integer(30)),
      "minimum timings of each variant"),
    KeyRule(
      "warmup", .integer(minimum: 0, maximum: 10_000), standard: .value(.integer(5)),
      "untimed passes before the timing"),
    KeyRule(
      "until", .percent(maximum: 50), standard: .value(.string("5%")),
      "timing continues until the relative half-width of the 95 % interval of every "
        + "speed-up is this small"),
    KeyRule(
      "max_seconds", .number(minimum: 0, exclusiveMinimum: false, maximum: 36_000),
      standard: .described("twice min_seconds, or ten times it where \"until\" is given"),
      "maximum timed seconds of each variant, including disturbed rounds"),
    KeyRule(
      "l2", .choice(["warm", "cold"]), standard: .value(.string("warm")),
      "whether a cuda device's L2 cache is flushed before each pass"),
  ]

  static let grid: [KeyRule] = [
    KeyRule(
      "stride", positive, standard: .value(.integer(8)), "tokens between two points of the grid"),
    KeyRule(
      "start", .integer(minimum: 2, maximum: nil),
      standard: .described("a quarter of the tokens"),
      "the smallest token count, prefix tokens included"),
    KeyRule(
      "stop", .integer(minimum: 2, maximum: nil), standard: .described("all tokens"),
      "the largest token count; the grid steps down from it"),
    KeyRule(
      "images", .integer(minimum: 1, maximum: 1_000_000), standard: .value(.integer(1024)),
      "images for the accuracy of each point"),
    KeyRule(
      "min_seconds", .number(minimum: 0, exclusiveMinimum: false, maximum: 3600),
      standard: .value(.number(0.25)), "minimum timed seconds of each point"),
    KeyRule(
      "min_samples", .integer(minimum: 1, maximum: 100_000), standard: .value(.integer(15)),
      "minimum timings of each point"),
    KeyRule(
      "warmup", .integer(minimum: 0, maximum: 10_000), standard: .value(.integer(2)),
      "untimed passes before the timing"),
    KeyRule(
      "until", .percent(maximum: 50), standard: .value(.string("5%")),
      "timing continues until the relative half-width of the 95 % interval of every "
        + "median is this small"),
    KeyRule(
      "max_seconds", .number(minimum: 0, exclusiveMinimum: false, maximum: 36_000),
      standard: .described("twice min_seconds, or ten times it where \"until\" is given"),
      "maximum timed seconds of each point, including disturbed rounds"),
  ]

  private static let positive = ValueRule.integer(minimum: 1, maximum: nil)

  /// Keys of one entry of `methods`.
  package static func keys(of method: any TokenReductionMethod.Type) -> [KeyRule] {
    let name = KeyRule("method", .choice([method.name]), required: true, method.summary)
    let searches = searches(of: method)
    let parameters = method.parameters.map { parameter in
      KeyRule(
        parameter.name, .axis(parameter.rule),
        // Token counts, another schedule or a search may replace a method's own `r` or keep rate.
        required: parameter.defaultValue == nil && parameter.otherwise == nil
          && (searches.isEmpty || !["r", "keep_rate"].contains(parameter.name)),
        standard: standard(of: parameter, searches), parameter.summary)
    }
    // The keys that choose R come first if a method is designed for them.
    return method == TailEffect.self
      ? [name] + searches + parameters : [name] + parameters + searches
  }

  private static func standard(
    of parameter: MethodParameter, _ searches: [KeyRule]
  ) -> KeyRule.Standard {
    if parameter.name == "r", parameter.defaultValue == nil, parameter.otherwise == nil,
      !searches.isEmpty
    {
      return .described(
        searches.contains { $0.key == targetLatency.key }
          ? "chosen by alpha" : "needed, or chosen by \(matchLatency.key) or \(alpha.key)")
    }
    if parameter.name == "seed" { return .described("the spec's seed") }
    return parameter.defaultValue.map { .value($0) }
      ?? parameter.otherwise.map { .described($0) } ?? .none
  }

  /// The keys that choose `r` from measurements.
  static func searches(of method: any TokenReductionMethod.Type) -> [KeyRule] {
    if method.name == TailEffect.name {
      return [alpha, targetLatency, targetAccuracyDrop, matchLatency]
    }
    let hasSchedules = method.parameters.contains { $0.name == Schedule.kindName }
    return (hasSchedules ? [anyAlpha] : []) + (needsR(method) ? [matchLatency] : [])
  }

  /// Whether a method's own schedule needs a keep rate that `members` does not replace.
  static func needs(
    _ rule: KeyRule, of method: any TokenReductionMethod.Type, with members: [String: JSONValue]
  ) -> Bool {
    let others = [Schedule.tokens.name, Schedule.kindName, alpha.key]
    return rule.key == "keep_rate" && others.allSatisfy { members[$0] == nil }
      && method.parameters.contains {
        $0.name == rule.key && $0.defaultValue == nil && $0.otherwise == nil
      }
  }

  /// Whether a method's own schedule needs `r`.
  static func needsR(_ method: any TokenReductionMethod.Type) -> Bool {
    method.parameters.contains {
      $0.name == "r" && $0.defaultValue == nil && $0.otherwise == nil
    }
  }

  /// The same choice for a method with another schedule of its own.
  private static let anyAlpha = KeyRule(
    "alpha", .axis(.number(minimum: 0, exclusiveMinimum: false, maximum: 1)),
    "replaces the method's own schedule: r tokens are removed at \"layer\", or at "
      + "several \"layers\", and the grids choose r with this weight of latency against "
      + "accuracy")

  static let alpha = KeyRule(
    "alpha", .axis(.number(minimum: 0, exclusiveMinimum: false, maximum: 1)),
    standard: .value(.number(0.5)),
    "weight of latency against accuracy when the grids choose r")

  static let targetLatency = KeyRule(
    "target_latency_ms", .axis(.number(minimum: 0, exclusiveMinimum: true, maximum: 1e9)),
    "chooses r and layer of the most accurate setting with at most this latency per "
      + "batch; tries all layers of a list")

  static let targetAccuracyDrop = KeyRule(
    "target_accuracy_drop", .axis(.number(minimum: 0, exclusiveMinimum: false, maximum: 100)),
    "chooses r and layer of the fastest setting that loses at most this many points "
      + "of top-1; tries all layers of a list")

  static let matchLatency = KeyRule(
    "match_latency", .axis(.choice(TokenReductionRegistry.all.map { $0.name })),
    "chooses r so that the row is as fast as the rows of this other method of the spec")

  /// The layers that a target tries by default.
  static let searchedLayers: [JSONValue] = [.string("10%"), .string("25%"), .string("50%")]
}
