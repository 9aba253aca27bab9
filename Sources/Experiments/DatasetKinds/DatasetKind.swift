import Datasets
import Records
import TokenReduction

/// A kind of data set: what a spec writes for it, and how it is opened.
///
/// One more kind is one file with a type that conforms, and its line in `DatasetKinds.all`.
protocol DatasetKind: Hashable, Sendable {
  /// What stands for it in a spec; the first key of an object tells it from other kinds and names
  /// its folder.
  static var rule: ValueRule { get }
  /// The data set that a checked value means; `nil` for a value of another kind.
  ///
  /// What contradicts itself within the value is reported at `path`.
  static func read(_ value: JSONValue, path: String, _ checker: inout RuleChecker) -> Self?
  /// The folder or archive of its pictures as the spec writes it; `nil` where there is none.
  var folder: String? { get }
  /// Its name and number of classes, where they are known before it is opened.
  var knownClasses: (name: String, count: Int)? { get }
  /// Whether it may have only some of a model's classes, since its labels say which.
  var mayLackClasses: Bool { get }
  /// The sentence that says what to write where the classes are not the model's; `nil` where there
  /// is no better one than that they are not.
  func correction(classNames: [String], modelClasses: Int) -> String?
  /// Its pictures.
  ///
  /// - Parameter limit: As many are enough; the caller takes a balanced part of more.
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

/// Where a data set is opened: what its paths are relative to, and where listings are cached.
struct DatasetSite {
  let source: SpecSource
  let cacheFolder: String?

  func path(_ text: String) -> String { source.path(text, ofKey: "dataset") }
}
