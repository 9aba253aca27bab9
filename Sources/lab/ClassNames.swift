import Datasets
import Experiments
import Foundation

/// The names of a model's classes, and its confidence in them.
struct ClassNames {
  let names: [String]

  /// The names in the model's configuration, else those of the demo data set or ImageNet, else
  /// numbers.
  init(_ model: PlannedModel) {
    let count = model.info.classes
    let named = model.choice.entry.classNames
    if named.count == count {
      names = named
    } else if model.choice.weights == .demo {
      names = DemoDataset.classNames
    } else {
      let isImageNet = count == ImageNetClasses.names.count
      names = isImageNet ? ImageNetClasses.names : (0..<count).map { "class \($0)" }
    }
  }

  /// The `count` classes with the highest logits and their softmax probabilities, best first.
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
