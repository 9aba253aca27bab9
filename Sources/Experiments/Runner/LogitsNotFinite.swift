/// A model produced NaN or infinity, so its logits have no meaning.
package struct LogitsNotFinite: Error, Hashable, CustomStringConvertible {
  /// The image: its file, or its position.
  package let image: String
  package let model: String

  package init(image: String, model: String) {
    self.image = image
    self.model = model
  }

  package var description: String {
    "\(image): the logits of \(model) are not finite; its weights hold, or lead to, NaN or infinity"
  }

  /// Throws for the first of `count` rows of logits that contains such a value.
  package static func check(
    _ logits: UnsafeBufferPointer<Float>, images count: Int, model: String,
    image: (Int) -> String
  ) throws {
    guard count > 0 else { return }
    let classes = logits.count / count
    for row in 0..<count {
      for logit in logits[(row * classes)..<((row + 1) * classes)] where !logit.isFinite {
        throw LogitsNotFinite(image: image(row), model: model)
      }
    }
  }
}
