/// Assigns colors to groups: adjacent groups get different ones, and a group keeps its color if
/// possible.
enum GroupColors {
  /// A side of a patch.
  enum Edge: CaseIterable { case top, left, bottom, right }

  /// An index of `PatchStyle.groups` for each group of `cells`.
  ///
  /// Groups are processed in the order of their numbers; each prefers its color in `before`, then
  /// the least used one.
  static func choose(cells: [TokenPicture.Cell], grid: Int, before: [Int: Int]) -> [Int: Int] {
    var touching: [Int: Set<Int>] = [:]
    for (place, cell) in cells.enumerated() {
      guard case .merged(let group) = cell else { continue }
      touching[group, default: []].formUnion(
        Edge.allCases.compactMap { edge in
          guard let other = neighbor(of: place, edge, grid: grid),
            case .merged(let next) = cells[other], next != group
          else { return nil }
          return next
        })
    }
    var chosen: [Int: Int] = [:]
    var uses = [Int](repeating: 0, count: PatchStyle.groups.count)
    func take(_ color: Int, for group: Int) {
      chosen[group] = color
      uses[color] += 1
    }
    func isTaken(_ color: Int, by group: Int) -> Bool {
      touching[group, default: []].contains { chosen[$0] == color }
    }
    let groups = touching.keys.sorted()
    for group in groups {
      if let color = before[group], !isTaken(color, by: group) { take(color, for: group) }
    }
    for group in groups where chosen[group] == nil {
      let free = PatchStyle.groups.indices.filter { !isTaken($0, by: group) }
      let candidates = free.isEmpty ? Array(PatchStyle.groups.indices) : free
      if let color = candidates.min(by: { (uses[$0], $0) < (uses[$1], $1) }) {
        take(color, for: group)
      }
    }
    return chosen
  }

  /// The patch on the other side of an edge, if any.
  static func neighbor(of place: Int, _ edge: Edge, grid: Int) -> Int? {
    switch edge {
    case .top: place >= grid ? place - grid : nil
    case .left: place % grid > 0 ? place - 1 : nil
    case .bottom: place / grid < grid - 1 ? place + grid : nil
    case .right: place % grid < grid - 1 ? place + 1 : nil
    }
  }
}
