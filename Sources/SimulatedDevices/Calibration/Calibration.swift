import Foundation
import Support
import Tensors

/// A latency to fit to: a pass and its measured time.
package struct CalibrationPoint: Sendable {
  package let label: String
  /// The vision model's name, for a summary of each.
  package let modelName: String
  package let milliseconds: Double
  package let pass: PreparedPass
  package let model: CostModel
  /// The group for cross-validation: the token count, or the row of a table.
  package let group: Int

  package init(
    label: String, modelName: String, milliseconds: Double, pass: PreparedPass, model: CostModel,
    group: Int
  ) {
    self.label = label
    self.modelName = modelName
    self.milliseconds = milliseconds
    self.pass = pass
    self.model = model
    self.group = group
  }
}

/// A predicted and a real latency.
package struct Prediction: Hashable, Sendable {
  package let label: String
  package let modelName: String
  package let measured: Double
  package let predicted: Double
  /// The error in percent of the measured latency, negative if the prediction is too low.
  package var errorPercent: Double { 100 * (predicted / measured - 1) }
}

/// Fits the constants of a device to latencies.
package struct Calibration {
  package let points: [CalibrationPoint]
  /// The start of the fit, and the values of constants that the points do not determine.
  package let start: CostConstants

  package init(points: [CalibrationPoint], start: CostConstants) {
    self.points = points
    self.start = start
  }

  /// The minimum number of points for any fit.
  package static let fewestPoints = 3
  /// The minimum number of points to fit all constants; below it, only those of products and memory
  /// are fitted.
  package static let pointsForAll = 7
  /// The number of starting points of the search: the given one and seeded random ones.
  private static let starts = 24
  /// The fraction of the initial loss that a fit must reach to be accepted.
  private static let minGain = 0.99

  /// The constants with the smallest mean of |ln(predicted / measured)|^1.5, which a single outlier
  /// affects less than squares.
  package func fit() -> CostConstants {
    let executions = Set(points.map(\.model.execution))
    let known = CostConstants.fields.filter { $0.execution.map(executions.contains) ?? true }
    let fields = points.count >= Self.pointsForAll ? known : Array(known.prefix(3))
    func constants(_ logarithms: [Double]) -> CostConstants {
      var constants = start
      for (field, value) in zip(fields, logarithms) {
        constants[keyPath: field.path] = min(
          max(exp(value), field.range.lowerBound), field.range.upperBound)
      }
      return constants
    }
    func loss(_ logarithms: [Double]) -> Double {
      let candidate = constants(logarithms)
      var outside = 0.0
      for (field, value) in zip(fields, logarithms) {
        outside += max(0, log(field.range.lowerBound) - value)
        outside += max(0, value - log(field.range.upperBound))
      }
      let sum = points.reduce(0) { sum, point in
        let predicted = point.model.milliseconds(point.pass, candidate)
        return sum + pow(abs(log(predicted / point.milliseconds)), 1.5)
      }
      return sum / Double(points.count) + outside
    }
    var generator = SplitMix64(seed: 1)
    var best: (point: [Double], value: Double)?
    for attempt in 0..<Self.starts {
      let from = fields.map { field in
        let value = log(start[keyPath: field.path])
        // A factor of up to e² either way.
        return attempt == 0 ? value : value + 4 * Double(generator.nextUniform()) - 2
      }
      let found = NelderMead().minimum(from: from, step: 0.4, of: loss)
      if found.value < best?.value ?? .infinity { best = found }
    }
    guard let best else { return start }
    // A fit that begins where an earlier one ended stays there.
    let isBetter = best.value < Self.minGain * loss(fields.map { log(start[keyPath: $0.path]) })
    return isBetter ? DeviceFile.rounded(constants(best.point)) : DeviceFile.rounded(start)
  }

  /// Predictions of points with given constants.
  package static func predictions(
    _ points: [CalibrationPoint], _ constants: CostConstants
  ) -> [Prediction] {
    points.map {
      Prediction(
        label: $0.label, modelName: $0.modelName, measured: $0.milliseconds,
        predicted: $0.model.milliseconds($0.pass, constants))
    }
  }

  /// Predictions of every point with constants fitted without its group.
  ///
  /// - Parameter folds: The number of parts into which the groups are divided.
  package func crossValidated(folds: Int = 5) -> [Prediction] {
    let groups = Set(points.map(\.group)).sorted()
    let fold = Dictionary(
      uniqueKeysWithValues: groups.enumerated().map { ($1, $0 % folds) })
    return (0..<min(folds, groups.count)).flatMap { part in
      let seen = points.filter { fold[$0.group] != part }
      let unseen = points.filter { fold[$0.group] == part }
      return Self.predictions(unseen, Calibration(points: seen, start: start).fit())
    }
  }

  /// The median and the largest absolute error; `nil` without predictions.
  package static func error(_ predictions: [Prediction]) -> CheckedError? {
    let errors = predictions.map { abs($0.errorPercent) }.sorted()
    guard let worst = errors.last else { return nil }
    let middle = errors.count / 2
    let median = errors.count % 2 == 1 ? errors[middle] : (errors[middle - 1] + errors[middle]) / 2
    return CheckedError(
      points: errors.count, medianPercent: (median * 10).rounded() / 10,
      worstPercent: (worst * 10).rounded() / 10)
  }

  /// How many pairs of points that differ by more than `percent` are predicted in the same order.
  package static func order(
    _ predictions: [Prediction], differingBy percent: Double = 5
  ) -> (right: Int, pairs: Int) {
    var (right, pairs) = (0, 0)
    for first in predictions.indices {
      for second in predictions.indices where second > first {
        let (a, b) = (predictions[first], predictions[second])
        guard abs(a.measured - b.measured) > percent / 100 * min(a.measured, b.measured) else {
          continue
        }
        pairs += 1
        if (a.measured < b.measured) == (a.predicted < b.predicted) { right += 1 }
      }
    }
    return (right, pairs)
  }
}
