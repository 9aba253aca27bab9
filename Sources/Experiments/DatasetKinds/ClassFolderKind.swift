import Datasets
import Records
import TokenReduction

/// Any set of one folder for each class: `{"folder": "FOLDER"}`.
struct ClassFolderKind: DatasetKind {
  /// How class folders become labels.
  enum Classes: Hashable, Sendable {
    case sorted(ClassOrder)
    case order([String])
    case labels([String: Int])
    /// Folders are named by ImageNet's ids.
    case imageNet
  }

  let pictures: String
  let classes: Classes

  static let rule = ValueRule.object([
    KeyRule(
      "folder", .text, required: true,
      "a folder with one folder of images for each class"),
    KeyRule(
      "classes", .either([.list(.text), .mapping]), standard: .described("sorted folder names"),
      "the class folders in the order of the model's classes, or the class of each"),
    KeyRule(
      "class_order", .choice(ClassOrder.allCases.map(\.rawValue)),
      standard: .value(.string(ClassOrder.sorted.rawValue)),
      "how folders are sorted without \"classes\": as torchvision (1, 10, 2) or as timm (1, 2, 10)"),
    KeyRule(
      "class_map", .choice(["imagenet"]), standard: .described("\"classes\""),
      "folders are named by ImageNet's ids (n01440764), some or all of the 1000"),
    SpecRules.validClasses,
    SpecRules.limit, SpecRules.manifest,
  ])

  static func read(
    _ value: JSONValue, path: String, _ checker: inout RuleChecker
  ) -> ClassFolderKind? {
    guard case .object(let members) = value, let pictures = members["folder"]?.asString else {
      return nil
    }
    if members["classes"] != nil, members["class_order"] != nil {
      checker.report(
        path + ".class_order", "\"classes\" gives the order already; write one of the two")
    }
    if members["class_map"] != nil, members["classes"] != nil || members["class_order"] != nil {
      checker.report(
        path + ".class_map",
        "it says the class of each folder; leave out \"classes\" and "
          + "\"class_order\"")
    }
    return ClassFolderKind(pictures: pictures, classes: classes(members))
  }

  private static func classes(_ members: [String: JSONValue]) -> Classes {
    switch members["class_map"] ?? members["classes"] {
    case .string?: .imageNet
    case .array(let names)?: .order(names.compactMap(\.asString))
    case .object(let labels)?: .labels(labels.compactMapValues(\.asInt))
    default:
      .sorted(members["class_order"]?.asString.flatMap(ClassOrder.init(rawValue:)) ?? .sorted)
    }
  }

  var folder: String? { pictures }

  // Labels given one by one say which of the model's classes a folder is.
  var mayLackClasses: Bool { if case .labels = classes { true } else { false } }

  /// The line to write where ImageNet's own folders were given as any folders.
  func correction(classNames: [String], modelClasses: Int) -> String? {
    guard case .sorted = classes, modelClasses == ImageNetClasses.names.count,
      classNames.allSatisfy({ ImageNetClasses.labels[$0] != nil })
    else { return nil }
    return "the folders are \(classNames.count) of ImageNet's 1000 classes, whose labels only the "
      + "data set \"imagenet\" knows; write \"dataset\": {\"imagenet\": \"\(pictures)\"}"
  }

  func open(_ site: DatasetSite, limit: Int?) throws -> any ImageDataset {
    let labels: ClassFolderDataset.Classes =
      switch classes {
      case .sorted(let order): .sorted(order)
      case .order(let names): .order(names)
      case .labels(let labels): .labels(labels)
      case .imageNet: .labels(ImageNetClasses.labels)
      }
    return try ClassFolderDataset(
      folder: site.path(pictures), classes: labels, cacheFolder: site.cacheFolder)
  }
}
