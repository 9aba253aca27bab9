/// The best classes of each image, best first: as many of every image, at most five.
///
/// Stored without an array for each image, of which a data set has millions.
package struct RankedClasses: Hashable, Sendable {
  /// Half the memory where every class fits, as that of all but the largest data sets does.
  private enum Storage: Hashable, Sendable {
    case narrow([UInt16])
    case wide([Int32])
  }

  private let classes: Storage
  private let total: Int
  /// Classes of each image; 0 where there is no image.
  package let perImage: Int

  /// - Parameter classes: Those of each image after those of the one before.
  init(_ classes: [Int32], perImage: Int) {
    precondition(perImage == 0 ? classes.isEmpty : classes.count % perImage == 0)
    total = classes.count
    self.perImage = perImage
    // All fit if the union of their bits does; a loop without an exit is compiled to vectors.
    let bits = classes.reduce(0, |)
    self.classes =
      UInt16(exactly: bits) == nil
      ? .wide(classes.map { $0 }) : .narrow(classes.map { UInt16(truncatingIfNeeded: $0) })
  }

  /// - Parameter lists: All of one length, with classes below 2³¹.
  package init(_ lists: [[Int]]) {
    precondition(
      lists.allSatisfy { $0.count == lists[0].count && !$0.isEmpty },
      "every image has equally many best classes")
    self.init(lists.flatMap { $0.map { Int32($0) } }, perImage: lists.first?.count ?? 0)
  }

  @inline(__always)
  private func at(_ place: Int) -> Int {
    switch classes {
    case .narrow(let classes): Int(classes[place])
    case .wide(let classes): Int(classes[place])
    }
  }

  /// The best class of an image; `nil` where there is no such image.
  package func best(_ image: Int) -> Int? {
    perImage > 0 && (0..<count).contains(image) ? at(image * perImage) : nil
  }

  /// Whether the best class of an image is `label`.
  package func isTop1(_ image: Int, _ label: Int) -> Bool { at(image * perImage) == label }

  /// Whether `label` is among the five best classes of an image.
  package func isTop5(_ image: Int, _ label: Int) -> Bool {
    for position in 0..<Swift.min(perImage, 5) where at(image * perImage + position) == label {
      return true
    }
    return false
  }

  /// The lowest and the highest class of any image.
  var bounds: (min: Int, max: Int)? {
    func bounds<Number: BinaryInteger>(_ classes: [Number]) -> (min: Int, max: Int)? {
      guard let lowest = classes.min(), let highest = classes.max() else { return nil }
      return (Int(lowest), Int(highest))
    }
    return switch classes {
    case .narrow(let classes): bounds(classes)
    case .wide(let classes): bounds(classes)
    }
  }

  /// Whether an image has a class twice.
  var hasRepeats: Bool {
    func hasRepeats<Number: FixedWidthInteger>(_ classes: [Number]) -> Bool {
      classes.withUnsafeBufferPointer { classes in
        for first in stride(from: 0, to: classes.count, by: Swift.max(perImage, 1)) {
          // Classes with different remainders are different, which nearly all are.
          var remainders: UInt64 = 0
          for place in first..<(first + perImage) {
            remainders |= 1 << UInt64(truncatingIfNeeded: classes[place] & 63)
          }
          guard remainders.nonzeroBitCount < perImage else { continue }
          if Set(classes[first..<(first + perImage)]).count < perImage { return true }
        }
        return false
      }
    }
    return switch classes {
    case .narrow(let classes): hasRepeats(classes)
    case .wide(let classes): hasRepeats(classes)
    }
  }
}

extension RankedClasses: RandomAccessCollection {
  package var startIndex: Int { 0 }
  package var endIndex: Int { perImage == 0 ? 0 : total / perImage }
  package subscript(image: Int) -> [Int] { (0..<perImage).map { at(image * perImage + $0) } }
}

extension RankedClasses: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let lists = try container.decode([[Int]].self)
    let isEven = lists.allSatisfy { list in
      list.count == lists[0].count && !list.isEmpty && list.allSatisfy { Int32(exactly: $0) != nil }
    }
    guard isEven else {
      throw DecodingError.typeMismatch(
        [[Int]].self, .init(codingPath: decoder.codingPath, debugDescription: ""))
    }
    self.init(lists)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(Array(self))
  }
}
