import Measurement
import Records

/// An accuracy that was published for weights that anyone can have, without any training: a run of
/// the same model, method and preprocessing on all of ImageNet's validation images must give it.
package struct KnownGate: Sendable {
  package let model: String
  /// `none`, or the method with the parameters that were published.
  package let method: String
  package let parameters: [String: JSONValue]
  package let top1Percent: Double
  /// Points by which a right run may differ: what decoding and rounding do, and the digits of the
  /// publication.
  package let tolerance: Double
  /// Pixels of the shorter side before the central crop.
  package let resize: Int
  package let crop: Int
  /// Who published it, and of which weights.
  package let source: String

  init(
    _ model: String, _ top1Percent: Double, resize: Int, crop: Int = 224, method: String = "none",
    parameters: [String: JSONValue] = [:], tolerance: Double = 0.05, source: String
  ) {
    self.model = model
    self.method = method
    self.parameters = parameters
    self.top1Percent = top1Percent
    self.tolerance = tolerance
    self.resize = resize
    self.crop = crop
    self.source = source
  }

  /// As `Preprocessing.text` begins; mean and deviation follow.
  var transform: String {
    "resize \(resize) (shorter side) bicubic antialiased, center crop \(crop), "
  }

  /// Images of the validation set.
  private static let images = 50_000

  /// What a report says of a row of one of the known models; `nil` where nothing was published or
  /// the row is of other images.
  static func note(
    model: String, _ method: MethodSetting, _ dataset: DatasetSetting?, precision: String,
    _ accuracy: AccuracyFigures?
  ) -> String? {
    guard let dataset, let accuracy, dataset.name == "imagenet", dataset.images == images,
      accuracy.images == images, precision == "float32"
    else { return nil }
    let gates = all.filter { gate in
      gate.model == model && gate.method == method.name
        && gate.parameters.allSatisfy { key, value in
          guard let found = method.parameters[key] else { return false }
          // 1 and 1.0 are one number.
          return found == value || found.asDouble != nil && found.asDouble == value.asDouble
        }
    }
    guard let first = gates.first else { return nil }
    guard let gate = gates.first(where: { dataset.preprocessing.hasPrefix($0.transform) }) else {
      return "the published \(text(first.top1Percent)) (\(first.source)) is of resize "
        + "\(first.resize), crop \(first.crop), and not of this preprocessing"
    }
    return gate.verdict(accuracy)
  }

  private func verdict(_ accuracy: AccuracyFigures) -> String {
    let difference = accuracy.top1Percent - top1Percent
    let sign = difference < 0 ? "−" : "+"
    let span =
      "interval \(Self.text(accuracy.top1Interval.lower))–\(Self.text(accuracy.top1Interval.upper))"
    let shown = "\(sign)\(Self.text(abs(difference))), \(span)"
    // Half of the last digit that is shown never decides.
    guard abs(difference) <= tolerance + 1e-9 else {
      return
        "deviates from the published \(Self.text(top1Percent)) of \(source) (\(shown)): look at "
        + "the weights, the order of the labels, and how images are decoded"
    }
    return "reproduces the published \(Self.text(top1Percent)) of \(source) (\(shown))"
  }

  private static func text(_ percent: Double) -> String { fixed(percent, digits: 2) }
}
