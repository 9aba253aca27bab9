import Records
import VisionModels

/// Reads a model's `preprocessing`: the differences from the model's own.
struct PreprocessingReader {
  let path: String

  /// The entry with the spec's preprocessing; `nil` if that is impossible.
  func apply(
    _ value: JSONValue?, to entry: ModelEntry, checker: inout RuleChecker
  ) -> ModelEntry? {
    guard case .object(let members)? = value else { return entry }
    let own = entry.preprocessing
    if members["resize"] != nil, members["crop_fraction"] != nil {
      checker.report(path, "\"resize\" and \"crop_fraction\" say the same thing; write one of them")
      return nil
    }
    var resize = own.resize
    if let pixels = members["resize"]?.asInt { resize = pixels }
    if let fraction = members["crop_fraction"]?.asDouble, fraction > 0 {
      resize = Int(min(16_384, Double(own.crop) / fraction))
    }
    guard resize >= own.crop else {
      checker.report(
        "\(path).resize",
        "\(resize) is below \(own.crop), the side of \(entry.name)'s images; it must be from "
          + "\(own.crop)")
      return nil
    }
    guard let mean = channels("mean", members, own.mean, checker: &checker),
      let std = channels("std", members, own.std, checker: &checker)
    else { return nil }
    let filter = members["interpolation"]?.asString.flatMap(
      Preprocessing.Interpolation.init(rawValue:))
    var fit = own.fit
    if case .boolean(let squashes)? = members["squash"] {
      fit = squashes ? .bothSides : .shorterSide
    }
    return ModelEntry(
      name: entry.name, displayName: entry.displayName, architecture: entry.architecture,
      preprocessing: Preprocessing(
        resize: resize, crop: own.crop, interpolation: filter ?? own.interpolation, fit: fit,
        mean: mean, std: std),
      source: entry.source, classNames: entry.classNames)
  }

  private func channels(
    _ key: String, _ members: [String: JSONValue], _ own: [Float], checker: inout RuleChecker
  ) -> [Float]? {
    guard case .array(let values)? = members[key] else { return own }
    guard values.count == 3 else {
      checker.report(
        "\(path).\(key)",
        "it has \(values.count) numbers; it must have three, for red, green and blue")
      return nil
    }
    return values.map { Float($0.asDouble ?? 0) }
  }
}
