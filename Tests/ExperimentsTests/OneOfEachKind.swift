import Datasets
import Records
import TokenReduction

@testable import Experiments

/// One image of each class: `{"one_of_each": "FOLDER"}`.
struct OneOfEachKind: DatasetKind {
  let pictures: String

  static let rule = ValueRule.object([
    KeyRule("one_of_each", .text, required: true, "a folder with one folder for each class")
  ])

  static func read(
    _ value: JSONValue, path: String, _ checker: inout RuleChecker
  ) -> OneOfEachKind? {
    guard case .object(let members) = value, let pictures = members["one_of_each"]?.asString else {
      return nil
    }
    return OneOfEachKind(pictures: pictures)
  }

  var folder: String? { pictures }

  func open(_ site: DatasetSite, limit: Int?) throws -> any ImageDataset {
    let all = try ClassFolderDataset(
      folder: site.path(pictures), classes: .sorted(.sorted), cacheFolder: site.cacheFolder)
    return SubsetDataset(all, limit: all.classNames.count, seed: 0)
  }
}
