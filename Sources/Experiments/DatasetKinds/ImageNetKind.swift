import Datasets
import Records
import TokenReduction

/// ImageNet's validation images, or a set with its classes: `{"imagenet": "FOLDER"}`.
struct ImageNetKind: DatasetKind {
  let pictures: String

  static let rule = ValueRule.object([
    KeyRule(
      "imagenet", .text, required: true,
      "the folder of ImageNet's validation images"),
    SpecRules.validClasses,
    KeyRule(
      "reassessed_labels", .text, standard: .described("the one label of each image"),
      "real.json of reassessed-imagenet: several correct labels per image, none for "
        + "images to leave out"),
    SpecRules.limit, SpecRules.manifest,
  ])

  static func read(
    _ value: JSONValue, path: String, _ checker: inout RuleChecker
  ) -> ImageNetKind? {
    guard case .object(let members) = value, let pictures = members["imagenet"]?.asString else {
      return nil
    }
    return ImageNetKind(pictures: pictures)
  }

  var folder: String? { pictures }
  var knownClasses: (name: String, count: Int)? { ("ImageNet", ImageNetClasses.names.count) }

  func open(_ site: DatasetSite, limit: Int?) throws -> any ImageDataset {
    try ImageNetDataset(folder: site.path(pictures), cacheFolder: site.cacheFolder)
  }
}
