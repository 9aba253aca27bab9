import Foundation
import Measurement
import Records

/// A published accuracy for publicly available weights: a run with the same model, method and
/// preprocessing on all of ImageNet's validation images must reproduce it.
///
/// They are listed in `Resources/published_accuracies.json`; one more is one line there.
struct KnownGate: Decodable, Sendable {
  let model: String
  /// The method, with the parameters that were published.
  let method: String
  let parameters: [String: JSONValue]
  let top1Percent: Double
  /// Points by which a correct run may differ: the effect of decoding and rounding, and the digits
  /// of the publication.
  let tolerance: Double
  /// Pixels of the shorter side before the central crop.
  let resize: Int
  /// Why this resize is assumed, if the publication does not state it.
  let inference: String?
  let crop: Int
  /// Who published it, and for which weights.
  let source: String

  private enum CodingKeys: String, CodingKey {
    case model, method, parameters, tolerance, resize, crop, source
    case top1Percent = "top1_percent"
    case inference = "inferred_from"
  }

  /// All published accuracies that a run can be compared with.
  static let all: [KnownGate] = {
    struct File: Decodable { let accuracies: [KnownGate] }
    do {
      let data = Data(EmbeddedText.published_accuracies_json.utf8)
      return try JSONDecoder().decode(File.self, from: data).accuracies
    } catch {
      preconditionFailure("published_accuracies.json cannot be read: \(error)")
    }
  }()

  /// The beginning of `Preprocessing.text`, before mean and deviation.
  var transform: String {
    "resize \(resize) (shorter side) bicubic antialiased, center crop \(crop), "
  }

  /// Images of the validation set.
  private static let images = 50_000

  /// The note on a row of a known model; `nil` if nothing was published or the row is of other
  /// images.
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
      let inferred = first.inference.map { " (inferred from \($0))" } ?? ""
      return "the published \(text(first.top1Percent)) (\(first.source)) is of resize "
        + "\(first.resize)\(inferred), crop \(first.crop), and not of this preprocessing"
    }
    return gate.verdict(accuracy)
  }

  private func verdict(_ accuracy: AccuracyFigures) -> String {
    let difference = accuracy.top1Percent - top1Percent
    let sign = difference < 0 ? "−" : "+"
    let span =
      "interval \(Self.text(accuracy.top1Interval.lower))–\(Self.text(accuracy.top1Interval.upper))"
    let inferred = inference.map { "; its resize of \(resize) is inferred from \($0)" } ?? ""
    let shown = "\(sign)\(Self.text(abs(difference))), \(span)\(inferred)"
    // Tolerates rounding errors, so that a difference equal to the tolerance passes.
    guard abs(difference) <= tolerance + 1e-9 else {
      return
        "deviates from the published \(Self.text(top1Percent)) of \(source) (\(shown)): look at "
        + "the weights, the order of the labels, and how images are decoded"
    }
    return "reproduces the published \(Self.text(top1Percent)) of \(source) (\(shown))"
  }

  private static func text(_ percent: Double) -> String { fixed(percent, digits: 2) }
}
