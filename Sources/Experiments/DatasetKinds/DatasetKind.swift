import Datasets
import Records
import TokenReduction

/// A kind of data set: its form in a spec, and how it is opened.
///
/// A new kind is one file with a type that conforms, and one line in `DatasetKinds.all`.
protocol DatasetKind: Hashable, Sendable {
  /// Its form in a spec; the first key of an object distinguishes it from other kinds and names its
  /// folder.
  static var rule: ValueRule { get }
  /// The data set of a checked value; `nil` for a value of another kind.
  ///
  /// Contradictions within the value are reported at `path`.
  static func read(_ value: JSONValue, path: String, _ checker: inout RuleChecker) -> Self?
  /// The folder or archive of its images as written in the spec; `nil` if there is none.
  var folder: String? { get }
  /// Its name and number of classes, if they are known before it is opened.
  var knownClasses: (name: String, count: Int)? { get }
  /// Whether it may have only some of a model's classes, because its labels identify them.
  var mayLackClasses: Bool { get }
  /// Advice for a data set whose classes are not the model's; `nil` for the general message.
  func correction(classNames: [String], modelClasses: Int) -> String?
  /// Opens its images.
  ///
  /// - Parameter limit: The number of images needed; the caller selects a balanced part if there
  ///   are more.
  /// - Throws: `DatasetError`, `ExperimentsError.interrupted`.
  func open(_ site: DatasetSite, limit: Int?) throws -> any ImageDataset
}

extension DatasetKind {
  var folder: String? { nil }
  var knownClasses: (name: String, count: Int)? { nil }
  var mayLackClasses: Bool { false }
  func correction(classNames: [String], modelClasses: Int) -> String? { nil }
}

/// Every kind of data set.
enum DatasetKinds {
  static let all: [any DatasetKind.Type] = [DemoKind.self, ImageNetKind.self, ClassFolderKind.self]

  /// The forms of `dataset` in a spec.
  static var rules: [ValueRule] { all.map { $0.rule } }

  /// The keys that name a folder.
  static var folderKeys: [String] {
    rules.compactMap { if case .object(let keys) = $0 { keys.first?.key } else { nil } }
  }
}

/// The context in which a data set is opened: the base of its paths, and the cache folder of
/// listings.
struct DatasetSite {
  let source: SpecSource
  let cacheFolder: String?

  func path(_ text: String) -> String { source.path(text, ofKey: "dataset") }
}
