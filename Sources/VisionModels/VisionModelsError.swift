import Support
import TokenReduction

/// Errors of a model's weights or its input.
package enum VisionModelsError: Error, Hashable, CustomStringConvertible {
  /// A weight file that does not fit the model, with all mismatches.
  case weightsDoNotFit(
    path: String, model: String, layout: String, missing: [String], extra: [String],
    wrongShape: [String])
  /// A file that contains no tensor of the model.
  case weightsOfAnother(
    path: String, format: String, model: String, expected: [String], found: [String])
  /// A backbone without the classifier that the model needs.
  case noHead(path: String, model: String, missing: [String])
  /// A file that fits except for the number of classes.
  case otherClasses(path: String, model: String, classes: Int)
  /// Files without tensors under the entry that a spec names.
  case noCheckpointKey(path: String, key: String, known: [String])
  /// A tensor that is in two files.
  case tensorTwice(name: String, first: String, second: String)
  /// A model whose weights alone exceed the machine's memory.
  case modelTooLarge(model: String, bytes: Int, memoryBytes: Int)
  /// Weights without a tensor of a trained method, or with a different shape.
  case noMethodTensor(path: String, key: String, shape: [Int], found: [Int]?)
  /// A method on a model without tokens to reduce.
  case noTokens(model: String)
  /// A method that reads class attention, on a model without a class token.
  case noClassToken(model: String, method: String)
  /// A method that pads images which keep fewer tokens, on a model that pools the patch tokens.
  case poolsPadding(model: String, method: String)

  package var description: String {
    switch self {
    case .weightsDoNotFit(
      let path, let model, let layout, let missing, let extra, let wrongShape):
      let parts = [("missing", missing), ("not known", extra), ("of another shape", wrongShape)]
        .filter { !$0.1.isEmpty }
        .map { "\($0.1.count) \($0.0) (\(firstFew($0.1, 12)))" }
      return "\(path): does not fit \(model), whose tensors carry \(layout)'s names: "
        + parts.joined(separator: "; ")
    case .weightsOfAnother(let path, let format, let model, let expected, let found):
      return "\(path): has none of \(model)'s \(expected.count) tensors "
        + "(\(firstFew(expected, 3))); it is a \(format) file of \(found.count) (\(firstFew(found, 3)))"
    case .noHead(let path, let model, let missing):
      return "\(path): is a backbone without a classifier, and \(model) needs one (missing: "
        + "\(firstFew(missing, 12))); give its file too, as \"weights\": [\"BACKBONE\", \"HEAD\"], or "
        + "weights that have one"
    case .otherClasses(let path, let model, let classes):
      return "\(path): its classifier has \(classes) classes, and \(model) another number; "
        + "write \"architecture\": {\"num_classes\": \(classes)} next to \"name\""
    case .noCheckpointKey(let path, let key, let known):
      let there =
        known.isEmpty
        ? "none of its tensors lie under such an entry, so leave \"checkpoint_key\" out"
        : "its tensors lie under " + known.map { "\"\($0)\"" }.joined(separator: ", ")
      return "\(path): has no tensors under \"\(key)\"; \(there)"
    case .tensorTwice(let name, let first, let second):
      return "\(second): has the tensor \(name), which \(first) has too; name one of the two files"
    case .noMethodTensor(let path, let key, let shape, let found):
      return "\(path): "
        + (found.map { "has \(key) of \($0)" } ?? "has no \(key)")
        + ", and the method needs it of \(shape); give weights that were trained with the method"
    case .noTokens(let model):
      return "\(model) has no tokens to reduce; only \(NoReduction.name) runs on it"
    case .noClassToken(let model, let method):
      return "\(model) has no class token, whose attention \(method) reads; methods without it are "
        + "random, tome and tail_effect"
    case .poolsPadding(let model, let method):
      return "\(model)'s classifier pools the patch tokens, and \(method) keeps different numbers "
        + "of them in different images, which are padded; it runs on models whose classifier reads "
        + "the class token"
    case .modelTooLarge(let model, let bytes, let memoryBytes):
      return "\(model): its weights need \(Self.gibibytes(bytes)) GiB and this machine has "
        + "\(Self.gibibytes(memoryBytes)) GiB; choose smaller sizes"
    }
  }

  private static func gibibytes(_ bytes: Int) -> Int { (bytes + (1 << 29)) >> 30 }
}
