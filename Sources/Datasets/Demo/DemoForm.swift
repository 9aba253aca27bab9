/// The form of a demo object, told apart at any rotation.
enum DemoForm: Int, CaseIterable {
  case disc, square, triangle, ring, cross

  var name: String { "\(self)" }

  /// Whether the place (u, v) lies in the form whose circumscribed circle has radius `r`, all in
  /// the same unit.
  @inline(__always)
  func contains(u: Int, v: Int, radius r: Int) -> Bool {
    switch self {
    case .disc:
      return u * u + v * v <= r * r
    case .square:
      let half = r * 724 / 1024
      return abs(u) <= half && abs(v) <= half
    case .triangle:
      // Three half planes at distance r / 2; 887 / 1024 is sin 60°.
      let half = r / 2
      return -v <= half && (v * 512 + u * 887) / 1024 <= half
        && (v * 512 - u * 887) / 1024 <= half
    case .ring:
      let inner = r * 9 / 16
      let squared = u * u + v * v
      return squared <= r * r && squared >= inner * inner
    case .cross:
      let arm = r * 5 / 16
      let length = r * 15 / 16
      return (abs(u) <= arm && abs(v) <= length) || (abs(v) <= arm && abs(u) <= length)
    }
  }
}
