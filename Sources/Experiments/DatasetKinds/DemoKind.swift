import Datasets
import Records
import TokenReduction

/// The data set that the program draws itself: `"demo"`.
struct DemoKind: DatasetKind {
  /// Images where the spec sets no number: the size of its published validation.
  static let images = 2000

  static let rule = ValueRule.choice(["demo"])

  static func read(_ value: JSONValue, path: String, _ checker: inout RuleChecker) -> DemoKind? {
    if case .object = value { nil } else { DemoKind() }
  }

  var knownClasses: (name: String, count: Int)? {
    ("the demo data set", DemoDataset.classNames.count)
  }

  func open(_ site: DatasetSite, limit: Int?) throws -> any ImageDataset {
    DemoImages(count: limit ?? Self.images)
  }
}
