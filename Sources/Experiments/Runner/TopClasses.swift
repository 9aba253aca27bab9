/// The best classes of a row of logits.
package enum TopClasses {
  /// The `count` classes with the highest logits, best first; in case of a tie, the lower class
  /// first.
  ///
  /// Edge cases: fewer classes than `count` are all returned; NaN counts as less than every number,
  /// so that a broken model does not get the top class.
  ///
  /// - Parameter valid: The classes that compete, ascending; `nil` for all.
  package static func best(
    _ count: Int, of logits: UnsafeBufferPointer<Float>, among valid: [Int]? = nil
  ) -> [Int] {
    var best: [(index: Int, value: Float)] = []
    best.reserveCapacity(count + 1)
    for place in 0..<(valid?.count ?? logits.count) {
      let index = valid?[place] ?? place
      let logit = logits[index]
      let value = logit.isNaN ? -Float.infinity : logit
      if best.count == count, let last = best.last, value <= last.value { continue }
      let place = best.firstIndex { value > $0.value } ?? best.count
      best.insert((index, value), at: place)
      if best.count > count { best.removeLast() }
    }
    return best.map(\.index)
  }
}
