import Foundation

// Arithmetic on rows, without allocation and without reading out of bounds.

/// Σ x y.
@inline(__always)
func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int) -> Float {
  var sums = SIMD8<Float>.zero
  var index = 0
  while index + 8 <= count {
    sums += lanes(x + index) * lanes(y + index)
    index += 8
  }
  var sum = sums.sum()
  while index < count {
    sum += x[index] * y[index]
    index += 1
  }
  return sum
}

@inline(__always)
private func lanes(_ x: UnsafePointer<Float>) -> SIMD8<Float> {
  UnsafeRawPointer(x).loadUnaligned(as: SIMD8<Float>.self)
}

/// `target += weight · x`.
@inline(__always)
func add(
  _ weight: Float, _ x: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, _ count: Int
) {
  for index in 0..<count { target[index] += weight * x[index] }
}

@inline(__always)
func scale(_ target: UnsafeMutablePointer<Float>, by factor: Float, _ count: Int) {
  for index in 0..<count { target[index] *= factor }
}

func length(_ x: UnsafePointer<Float>, _ count: Int) -> Float { dot(x, x, count).squareRoot() }

func logarithm(_ x: Float) -> Float { Float(log(Double(x))) }
func exponential(_ x: Float) -> Float { Float(exp(Double(x))) }
func power(_ x: Float, _ exponent: Float) -> Float { Float(pow(Double(x), Double(exponent))) }

/// Sorts ascending in place.
func sortAscending(_ values: UnsafeMutablePointer<Int32>, count: Int) {
  for index in stride(from: 1, to: count, by: 1) {
    let value = values[index]
    var place = index
    while place > 0, values[place - 1] > value {
      values[place] = values[place - 1]
      place -= 1
    }
    values[place] = value
  }
}
