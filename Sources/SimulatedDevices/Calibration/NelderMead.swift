/// The downhill simplex: a minimum of a function without derivatives.
///
/// Source: Nelder and Mead, The Computer Journal 7 (1965) 308–313, with their coefficients.
struct NelderMead {
  var iterations = 400
  /// The simplex's extent at which it stops.
  var tolerance = 1e-5

  func minimum(
    from start: [Double], step: Double, of function: ([Double]) -> Double
  ) -> (point: [Double], value: Double) {
    var simplex = [start]
    for axis in start.indices {
      var corner = start
      corner[axis] += step
      simplex.append(corner)
    }
    var ranked = simplex.map { (point: $0, value: function($0)) }
    for _ in 0..<iterations {
      ranked.sort { $0.value < $1.value }
      let (best, worst) = (ranked[0], ranked[ranked.count - 1])
      let extent = zip(best.point, worst.point).map { abs($0 - $1) }.max() ?? 0
      if extent < tolerance { break }
      let others = ranked.dropLast()
      let center = start.indices.map { axis in
        others.reduce(0) { $0 + $1.point[axis] } / Double(others.count)
      }
      func along(_ factor: Double) -> (point: [Double], value: Double) {
        let point = zip(center, worst.point).map { $0 + factor * ($1 - $0) }
        return (point, function(point))
      }
      let reflected = along(-1)
      if reflected.value < best.value {
        let expanded = along(-2)
        ranked[ranked.count - 1] = expanded.value < reflected.value ? expanded : reflected
      } else if reflected.value < ranked[ranked.count - 2].value {
        ranked[ranked.count - 1] = reflected
      } else {
        let contracted = along(reflected.value < worst.value ? -0.5 : 0.5)
        if contracted.value < min(reflected.value, worst.value) {
          ranked[ranked.count - 1] = contracted
        } else {
          for index in ranked.indices.dropFirst() {
            let point = zip(best.point, ranked[index].point).map { ($0 + $1) / 2 }
            ranked[index] = (point, function(point))
          }
        }
      }
    }
    return ranked.min { $0.value < $1.value } ?? (start, function(start))
  }
}
