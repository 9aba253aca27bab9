/// The extents of a tensor, outermost first; up to four, kept inline so that a view allocates
/// nothing.
package struct Shape: Hashable, Sendable, CustomStringConvertible {
  private var extents: (Int, Int, Int, Int)
  /// Number of extents, 1 to 4.
  package let rank: Int

  package init(_ first: Int, _ second: Int? = nil, _ third: Int? = nil, _ fourth: Int? = nil) {
    extents = (first, second ?? 1, third ?? 1, fourth ?? 1)
    rank = fourth != nil ? 4 : third != nil ? 3 : second != nil ? 2 : 1
  }

  /// The shape with the extents of a file or list.
  ///
  /// Edge cases: no extents (a scalar) is `[1]`; more than four is a programming error of the
  /// caller.
  package init(_ list: [Int]) {
    precondition(list.count <= 4, "a shape has at most four extents, found \(list)")
    self.init(
      list.first ?? 1, list.count > 1 ? list[1] : nil, list.count > 2 ? list[2] : nil,
      list.count > 3 ? list[3] : nil)
  }

  package subscript(axis: Int) -> Int {
    switch axis {
    case 0: extents.0
    case 1: extents.1
    case 2: extents.2
    case 3: extents.3
    default: preconditionFailure("axis \(axis) of a shape of rank \(rank)")
    }
  }

  /// Number of elements.
  package var count: Int { extents.0 * extents.1 * extents.2 * extents.3 }

  package var list: [Int] { (0..<rank).map { self[$0] } }

  package var description: String { "\(list)" }

  package static func == (left: Shape, right: Shape) -> Bool {
    left.rank == right.rank && left.extents == right.extents
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(rank)
    hasher.combine(extents.0)
    hasher.combine(extents.1)
    hasher.combine(extents.2)
    hasher.combine(extents.3)
  }
}
