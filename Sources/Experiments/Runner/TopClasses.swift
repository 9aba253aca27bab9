/// The best classes of a row of logits.
package enum TopClasses {
  /// The `count` classes of the highest logits, best first, of equals the lower class first.
  ///
  /// Edge cases: fewer classes than `count` are all returned; NaN counts below every number, so
  /// that a broken model is wrong and not at the top.
  package static func best(_ count: Int, of logits: UnsafeBufferPointer<Float>) -> [Int] {
    var best: [(index: Int, value: Float)] = []
    best.reserveCapacity(count + 1)
    for (index, logit) in logits.enumerated() {
      let value = logit.isNaN ? -Float.infinity : logit
      if best.count == count, let last = best.last, value <= last.value { continue }
      let place = best.firstIndex { value > $0.value } ?? best.count
      best.insert((index, value), at: place)
      if best.count > count { best.removeLast() }
    }
    return best.map(\.index)
  }
}
