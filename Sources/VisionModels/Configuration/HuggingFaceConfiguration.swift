import Records

/// Hugging Face's `config.json` with `preprocessor_config.json`.
///
/// Source: transformers 5.24, `configuration_*.py` of each model and `image_processing_*.py`.
struct HuggingFaceConfiguration {
  let reader: ConfigurationReader
  let type: String
  let images: ConfigurationReader?

  init(_ reader: ConfigurationReader, type: String, images: ConfigurationReader?) {
    self.reader = reader
    self.type = type
    self.images = images
  }

  func model(source: String) throws(ConfigurationError) -> ModelConfiguration {
    let families = ModelRegistry.families
    guard let family = families.first(where: { $0.huggingFaceTypes.contains(type) }) else {
      let known = families.flatMap { $0.huggingFaceTypes }
      throw reader.wrong(
        "its model_type \"\(type)\" is not known; known are \(known.joined(separator: ", "))")
    }
    let side = try trainedSide()
    let preprocessing = try preprocessing(side: side, of: family)
    let sizes = try family.huggingFace(
      HuggingFaceSizes(
        type: type, reader: reader, imageSize: preprocessing.crop, trainedSide: side,
        classes: classes, head: head))
    if let problem = sizes.problems().first {
      throw reader.wrong("its sizes cannot be: \(problem.key): \(problem.message)")
    }
    let images =
      images == nil
      ? "no preprocessor_config.json, so "
        + (isPlain(family) ? "\(type)'s own defaults" : "the images of timm's \(family.family)")
      : "preprocessor_config.json"
    return ModelConfiguration(
      entry: ModelEntry(
        name: type, displayName: type, architecture: sizes, preprocessing: preprocessing,
        source: source, classNames: classNames),
      notes: ["Hugging Face's config.json: \(type), \(classes) classes", images])
  }

  /// Pixels of a side at which the weights were trained.
  private func trainedSide() throws(ConfigurationError) -> Int {
    if let side = reader.integer("image_size") { return side }
    if let sides = reader.list("image_size")?.compactMap(\.asInt), sides.count == 2 {
      guard sides[0] == sides[1] else { throw reader.wrong("its images are not square") }
      return sides[0]
    }
    return 224
  }

  /// Hugging Face counts labels by their names, and has two where none are named.
  private var classes: Int {
    reader.object("id2label")?.members.count ?? reader.integer("num_labels") ?? 2
  }

  /// In the order of their numbers; empty where they are not named, or not every one of them once.
  private var classNames: [String] {
    guard let named = reader.object("id2label")?.members, named["0"] != .string("LABEL_0") else {
      return []
    }
    let names = (0..<named.count).compactMap { named["\($0)"]?.asString }
    return names.count == named.count && Set(names).count == names.count ? names : []
  }

  /// The class that the weights are of: `ViTForImageClassification`.
  private var head: String? { reader.list("architectures")?.first?.asString }

  // MARK: Images

  private func isPlain(_ family: any ModelArchitecture.Type) -> Bool {
    family.family == ModelRegistry.defaultFamily
  }

  private func preprocessing(
    side: Int, of family: any ModelArchitecture.Type
  ) throws(ConfigurationError) -> Preprocessing {
    guard let images else {
      if !isPlain(family), let own = family.entries.first?.preprocessing {
        return try own.resized(to: side).checked(reader)
      }
      return try Preprocessing(
        resize: side, crop: side, interpolation: .bilinear, fit: .bothSides,
        mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]
      ).checked(reader)
    }
    for key in ["do_resize", "do_rescale"] where images.boolean(key) == false {
      throw images.wrong("\"\(key)\" is false, so it does not say how an image becomes an input")
    }
    if let factor = images.number("rescale_factor"), abs(factor * 255 - 1) > 1e-3 {
      throw images.wrong("its \"rescale_factor\" is \(factor), and 1/255 is known")
    }
    // MobileViT's weights are of images with blue first (its layout turns them around).
    let isMobileViT = type == "mobilevit"
    if let flips = images.boolean("do_flip_channel_order"), flips != isMobileViT {
      throw images.wrong(
        "\"do_flip_channel_order\" is \(flips), which is not read for a model of type \(type)")
    }
    if type == "convnext" { return try convNeXtPreprocessing(images, side: side) }
    let (resize, fit) = try resized(images, side: side)
    let crops = images.boolean("do_center_crop") ?? (images.members["crop_size"] != nil)
    let crop = crops ? try cropped(images) ?? side : resize
    let isNormalized = images.boolean("do_normalize") ?? !isMobileViT
    return try Preprocessing(
      resize: resize, crop: crop, interpolation: try filter(images), fit: fit,
      mean: isNormalized ? try images.channels("image_mean") ?? [0.5, 0.5, 0.5] : [0, 0, 0],
      std: isNormalized ? try images.channels("image_std") ?? [0.5, 0.5, 0.5] : [1, 1, 1]
    ).checked(images)
  }

  /// Whether a processor takes a size of one number as that of the shorter side.
  private func takesShorterSide(_ images: ConfigurationReader) -> Bool {
    let processor =
      images.text("image_processor_type") ?? images.text("feature_extractor_type") ?? ""
    return ["Bit", "CLIP", "MobileViT", "ConvNext", "EfficientFormer"].contains {
      processor.hasPrefix($0)
    }
  }

  /// ConvNext's size is what is left after the crop; from 384 on images are squashed to it.
  private func convNeXtPreprocessing(
    _ images: ConfigurationReader, side: Int
  ) throws(ConfigurationError) -> Preprocessing {
    let size =
      images.integer("size") ?? images.object("size")?.integer("shortest_edge")
      ?? images.object("size")?.integer("height") ?? side
    let fraction = images.number("crop_pct") ?? 224.0 / 256
    guard (0.01...1).contains(fraction), (1...16_384).contains(size) else {
      throw images.wrong("its \"size\" is \(size) and its \"crop_pct\" \(fraction)")
    }
    let isSquashed = size >= 384
    let isNormalized = images.boolean("do_normalize") ?? true
    return try Preprocessing(
      resize: isSquashed ? size : Int(Double(size) / fraction), crop: size,
      interpolation: try filter(images), fit: isSquashed ? .bothSides : .shorterSide,
      mean: isNormalized ? try images.channels("image_mean") ?? [0.5, 0.5, 0.5] : [0, 0, 0],
      std: isNormalized ? try images.channels("image_std") ?? [0.5, 0.5, 0.5] : [1, 1, 1]
    ).checked(images)
  }

  private func resized(
    _ images: ConfigurationReader, side: Int
  ) throws(ConfigurationError) -> (Int, Preprocessing.Fit) {
    if let number = images.integer("size") {
      return (number, takesShorterSide(images) ? .shorterSide : .bothSides)
    }
    guard let size = images.object("size") else { return (side, .bothSides) }
    if let shorter = size.integer("shortest_edge") { return (shorter, .shorterSide) }
    guard let height = size.integer("height"), size.integer("width") == height else {
      throw images.wrong("its \"size\" is \(images.members["size"]?.text ?? ""); squares are read")
    }
    return (height, .bothSides)
  }

  private func cropped(_ images: ConfigurationReader) throws(ConfigurationError) -> Int? {
    if let number = images.integer("crop_size") { return number }
    guard let size = images.object("crop_size") else { return nil }
    guard let height = size.integer("height"), size.integer("width") == height else {
      throw images.wrong("its \"crop_size\" is no square")
    }
    return height
  }

  /// Pillow's numbers.
  private func filter(
    _ images: ConfigurationReader
  ) throws(ConfigurationError) -> Preprocessing.Interpolation {
    switch images.integer("resample") ?? 2 {
    case 2: .bilinear
    case 3: .bicubic
    case let other:
      try Preprocessing.interpolation(
        [0: "nearest", 1: "lanczos", 4: "box", 5: "hamming"][other] ?? "\(other)", images)
    }
  }
}

/// What a family needs of a Hugging Face configuration to make its sizes.
package struct HuggingFaceSizes {
  let type: String
  let reader: ConfigurationReader
  /// Pixels of a side of the model's input, after the crop.
  let imageSize: Int
  /// Pixels of a side where the weights were trained.
  let trainedSide: Int
  let classes: Int
  /// The class that the weights are of, as the configuration names it.
  let head: String?

  /// Refuses what is there and is not as it must be.
  func check(_ key: String, is values: [JSONValue]) throws(ConfigurationError) {
    guard let found = reader.members[key], !values.contains(found) else { return }
    throw reader.wrong(
      "its \"\(key)\" is \(found.text), and \(values.map(\.text).joined(separator: " or ")) is known"
    )
  }
}
