import Records

/// timm's `config.json`: `architecture`, what it was made with, and `pretrained_cfg`.
///
/// Source: timm 1.0.31, models/_hub.py (`save_config_for_hf`) and data/config.py
/// (`resolve_data_config`).
struct TimmConfiguration {
  private let reader: ConfigurationReader
  private let architecture: String
  /// Files of early versions have its members at the top.
  private let pretrained: ConfigurationReader

  init(_ reader: ConfigurationReader, architecture: String) {
    self.reader = reader
    // A tag after a dot names weights.
    self.architecture = String(architecture.prefix { $0 != "." })
    pretrained = reader.object("pretrained_cfg") ?? reader
  }

  func model(source: String) throws(ConfigurationError) -> ModelConfiguration {
    guard let named = ModelRegistry.entry(named: architecture) else {
      throw reader.wrong(
        "its architecture \"\(architecture)\" is none of the models that are known; `lab models` "
          + "lists them, and \"architecture\" in a spec takes any plain vision transformer")
    }
    let arguments = reader.object("model_args")
    let side = try imageSize(arguments) ?? named.architecture.imageSize
    var members = named.architecture.members
    members["image_size"] = .integer(side)
    if let classes = reader.integer("num_classes") ?? pretrained.integer("num_classes"), classes > 0
    {
      members["num_classes"] = .integer(classes)
    }
    if let arguments { try TimmArguments.apply(arguments, to: &members) }
    // Another pooling than the named model's, as a fine-tuned model may have.
    if arguments?.members["global_pool"] == nil, let pooling = reader.text("global_pool"),
      let head = TimmArguments.heads[pooling], members["head"] == .string("token")
    {
      members["head"] = .string(head)
    }
    // Positions learned at another size are those of the named model.
    if named.architecture.imageSize != side, members["pretrained_image_size"] == nil {
      members["pretrained_image_size"] = .integer(named.architecture.imageSize)
    }
    let sizes = try decoded(members, like: named.architecture)
    let preprocessing = try preprocessing(side: sizes.imageSize, named)
    return ModelConfiguration(
      entry: ModelEntry(
        name: architecture, displayName: named.displayName, architecture: sizes,
        preprocessing: preprocessing, source: source),
      notes: ["timm's config.json: \(architecture), \(sizes.numClasses) classes"])
  }

  private func decoded(
    _ members: [String: JSONValue], like architecture: any ModelArchitecture
  ) throws(ConfigurationError) -> any ModelArchitecture {
    var members = members
    members["family"] = nil
    let known = Set(type(of: architecture).parameters.map(\.name))
    // What a spec cannot set tells the models of a family apart.
    let own = architecture.members
    members = members.filter { known.contains($0.key) || own[$0.key] != nil }
    guard let decoded = type(of: architecture).decode(members) else {
      throw reader.wrong("its sizes are none of \(self.architecture)")
    }
    if let problem = decoded.problems().first {
      throw reader.wrong("its sizes cannot be: \(problem.key): \(problem.message)")
    }
    return decoded
  }

  /// Pixels of a side, which timm gives as [channels, height, width].
  private func imageSize(
    _ arguments: ConfigurationReader?
  ) throws(ConfigurationError) -> Int? {
    if let arguments, let side = try TimmArguments.side("img_size", arguments) { return side }
    guard let sizes = pretrained.list("input_size")?.compactMap(\.asInt) else { return nil }
    guard sizes.count == 3, sizes[0] == 3, sizes[1] == sizes[2] else {
      throw pretrained.wrong(
        "its \"input_size\" is \(sizes.map(String.init).joined(separator: "×")); square images of "
          + "three channels are read")
    }
    return sizes[1]
  }

  private func preprocessing(
    side: Int, _ named: ModelEntry
  ) throws(ConfigurationError) -> Preprocessing {
    let fraction = pretrained.number("crop_pct") ?? 0.875
    // Of less, or of more pixels, the resized side may be beyond an Int.
    guard (1...8192).contains(side) else {
      throw pretrained.wrong("its images are \(side) pixels wide; 1 to 8192 are read")
    }
    guard fraction >= 0.001, fraction <= 1 else {
      throw pretrained.wrong("its \"crop_pct\" is \(fraction); it lies from 0.001 to 1")
    }
    let mode = pretrained.text("crop_mode") ?? "center"
    guard ["center", "squash"].contains(mode) else {
      throw pretrained.wrong(
        "its \"crop_mode\" is \"\(mode)\"; center and squash are known, so give \"preprocessing\"")
    }
    let filter = try Preprocessing.interpolation(
      pretrained.text("interpolation") ?? "bilinear", pretrained)
    return try Preprocessing(
      resize: Int(Double(side) / fraction), crop: side, interpolation: filter,
      fit: mode == "squash" ? .bothSides : .shorterSide,
      mean: try pretrained.channels("mean") ?? Preprocessing.imageNetMean,
      std: try pretrained.channels("std") ?? Preprocessing.imageNetStd,
      cropFraction: fraction
    ).checked(pretrained)
  }
}

/// Arguments of timm's `VisionTransformer` as sizes of ours.
enum TimmArguments {
  private static let same: [String: String] = [
    "img_size": "image_size", "patch_size": "patch_size", "embed_dim": "embed_dim",
    "depth": "depth", "num_heads": "num_heads", "mlp_ratio": "mlp_ratio",
    "reg_tokens": "registers", "num_classes": "num_classes", "class_token": "class_token",
    "no_embed_class": "no_embed_class", "qkv_bias": "qkv_bias", "qk_norm": "qk_norm",
    "pre_norm": "norm_pre", "fc_norm": "fc_norm", "pool_include_prefix": "pool_include_prefix",
  ]
  static let heads = ["token": "token", "avg": "patch_mean", "map": "attention_pool"]
  /// What changes nothing in a forward pass.
  private static let idle: Set<String> = [
    "dynamic_img_size", "dynamic_img_pad", "drop_rate", "pos_drop_rate", "patch_drop_rate",
    "proj_drop_rate", "attn_drop_rate", "drop_path_rate", "weight_init", "fix_init", "in_chans",
    "pretrained_strict",
  ]

  /// Pixels of a side, which timm writes as one number or, from 1.0.30 on, as [height, width].
  static func side(
    _ key: String, _ arguments: ConfigurationReader
  ) throws(ConfigurationError) -> Int? {
    guard let sides = arguments.list(key) else { return arguments.integer(key) }
    guard sides.count == 2, sides[0] == sides[1], let side = sides[0].asInt else {
      throw arguments.wrong(
        "its \"\(key)\" is \(JSONValue.array(sides).text); squares are read")
    }
    return side
  }

  static func apply(
    _ arguments: ConfigurationReader, to members: inout [String: JSONValue]
  ) throws(ConfigurationError) {
    for (key, value) in arguments.members.sorted(by: { $0.key < $1.key }) {
      if let ours = same[key], key == "img_size" || key == "patch_size" {
        if let side = try side(key, arguments) { members[ours] = .integer(side) }
      } else if key == "in_chans", value != .integer(3) {
        throw arguments.wrong("its images have \(value.text) channels; three are read")
      } else if key == "num_classes", value == .integer(0) {
        // A backbone: what is missing is reported with its weights.
        continue
      } else if let ours = same[key] {
        members[ours] = value
      } else if key == "init_values" {
        members["layer_scale"] = .boolean(value.asDouble != nil)
      } else if key == "global_pool", let pooling = value.asString, let head = heads[pooling] {
        members["head"] = .string(head)
      } else if !idle.contains(key) {
        throw arguments.wrong(
          "its model was made with \"\(key)\": \(value.text), which is not known here; name the "
            + "model and its sizes under \"architecture\"")
      }
    }
  }
}
