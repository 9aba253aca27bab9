import VisionModels

/// Advice for an unknown model name: the correct name, the correct sizes, or nothing.
///
/// Names that differ in a number are different models, not typing errors, and so are names of
/// another family, however few letters differ: `beit_base_patch16_224` is not a DeiT.
struct ModelNameAdvice {
  /// The names of models in specs and in tables: `deit_small_patch16_224`, `DeiT-S`.
  struct Known {
    let name: String
    let displayName: String
  }

  private let known: [Known]

  init(
    _ known: [Known] = ModelRegistry.all.map { Known(name: $0.name, displayName: $0.displayName) }
  ) {
    self.known = known
  }

  /// The end of the sentence that begins with the name.
  func text(for name: String) -> String {
    guard name.utf8.count <= 200 else { return Self.list }
    // `timm/deit_small_patch16_224.fb_in1k`: with the owner before the name and the tag of the
    // weights after it.
    let wanted = Self.folded((name.split(separator: "/").last ?? "").prefix { $0 != "." })
    let spellings = [Self.folded(name), wanted]
    if let exact = known.first(where: {
      spellings.contains(Self.folded($0.name)) || spellings.contains(Self.folded($0.displayName))
    }) {
      return "did you mean '\(exact.name)'?"
    }
    if let sized = otherSize(wanted) { return sized }
    if let beginning = shortest(startingWith: wanted) { return "did you mean '\(beginning)'?" }
    return likelyTypo(wanted).map { "did you mean '\($0)'?" } ?? Self.list
  }

  private static let list = "`lab models` lists them"

  /// Lower case, with one underscore for anything between letters and digits.
  private static func folded(_ text: some StringProtocol) -> String {
    text.lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: "_")
  }

  /// A known model at an image size that it is not registered with.
  private func otherSize(_ wanted: String) -> String? {
    guard let underscore = wanted.lastIndex(of: "_"),
      let size = Int(wanted[wanted.index(after: underscore)...]), (1...4096).contains(size)
    else { return nil }
    let stem = wanted[...underscore]
    let same = known.first { model in
      model.name.hasPrefix(stem) && Int(model.name.dropFirst(stem.count)) != nil
    }
    return same.map {
      "write {\"name\": \"\($0.name)\", \"architecture\": {\"image_size\": \(size)}} for that size"
    }
  }

  /// The shortest of the names that continue `wanted` with another part.
  private func shortest(startingWith wanted: String) -> String? {
    guard wanted.count >= 3 else { return nil }
    let longer = known.map(\.name).filter { Self.folded($0).hasPrefix(wanted + "_") }
    // `vit` is a prefix of every ViT and means none of them.
    guard let first = longer.min(by: { ($0.count, $0) < ($1.count, $1) }),
      longer.allSatisfy({ Self.parts($0).prefix(2) == Self.parts(first).prefix(2) })
    else { return nil }
    return first
  }

  private static func parts(_ name: String) -> [Substring] { folded(name).split(separator: "_") }

  /// The known name that differs from `wanted` by one or two typing errors.
  private func likelyTypo(_ wanted: String) -> String? {
    let near = known.map(\.name).filter { name in
      let folded = Self.folded(name)
      guard Self.digits(folded) == Self.digits(wanted) else { return false }
      let family = Self.parts(folded).first.map(String.init) ?? ""
      let given = Self.parts(wanted).first.map(String.init) ?? ""
      return !Self.otherFamilies.contains(given) && NearestName.distance(given, family) <= 1
        && NearestName.distance(folded, wanted) <= 2
    }
    return near.min { NearestName.distance($0, wanted) < NearestName.distance($1, wanted) }
  }

  private static func digits(_ text: String) -> [Substring] { text.split { !$0.isNumber } }

  /// Families of timm whose names are one letter from those of others.
  private static let otherFamilies: Set<String> = [
    "beit", "cait", "coat", "davit", "dvit", "evit", "gcvit", "levit", "mvit", "pit", "pvt", "swin",
    "swinv2", "tnt", "twins", "xcit",
  ]
}
