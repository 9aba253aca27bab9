/// A model gave NaN or an infinity: what follows from its logits would be a number without a
/// meaning.
package struct LogitsNotFinite: Error, Hashable, CustomStringConvertible {
  /// What names the image: its file, or its place.
  package let image: String
  package let model: String

  package init(image: String, model: String) {
    self.image = image
    self.model = model
  }

  package var description: String {
    "\(image): the logits of \(model) are not finite; its weights hold, or lead to, NaN or infinity"
  }

  /// Throws for the first of `count` rows of logits that holds such a number.
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
