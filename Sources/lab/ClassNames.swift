import Datasets
import Experiments
import Foundation

/// A model's classes, and how sure it is of them.
struct ClassNames {
  let names: [String]

  /// The demo data set's, ImageNet's, or numbers where the model does not say what it knows.
  init(_ model: PlannedModel) {
    let count = model.info.classes
    names =
      model.choice.weights == .demo
      ? DemoDataset.classNames
      : count == ImageNetClasses.names.count
        ? ImageNetClasses.names : (0..<count).map { "class \($0)" }
  }

  /// The `count` classes of the highest logits with their softmax shares, best first.
  static func best(_ count: Int, of logits: [Float]) -> [(index: Int, share: Double)] {
    let highest = logits.max() ?? 0
    let total = logits.reduce(0) { $0 + exp(Double($1 - highest)) }
    return logits.withUnsafeBufferPointer { TopClasses.best(count, of: $0) }
      .map { ($0, exp(Double(logits[$0] - highest)) / total) }
  }

  /// For example `tench, Tinca tinca (93.1 %)`.
  func prediction(_ logits: [Float]) -> String {
    Self.best(1, of: logits).first.map { best in
      "\(names[best.index]) (\(String(format: "%.1f %%", 100 * best.share)))"
    } ?? ""
  }
}
