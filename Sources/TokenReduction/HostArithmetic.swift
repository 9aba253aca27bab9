import Foundation

// Arithmetic on rows that neither allocates nor reads past them.

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

/// Σ (x − y)².
@inline(__always)
func squaredDistance(
  _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int
) -> Float {
  var sums = SIMD8<Float>.zero
  var index = 0
  while index + 8 <= count {
    let difference = lanes(x + index) - lanes(y + index)
    sums += difference * difference
    index += 8
  }
  var sum = sums.sum()
  while index < count {
    let difference = x[index] - y[index]
    sum += difference * difference
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

/// Scales a row to length 1; one of zeros stays.
func normalize(_ row: UnsafeMutablePointer<Float>, _ count: Int) {
  let length = length(row, count)
  if length > 0 { scale(row, by: 1 / length, count) }
}

func logarithm(_ x: Float) -> Float { Float(log(Double(x))) }
func exponential(_ x: Float) -> Float { Float(exp(Double(x))) }
func errorFunction(_ x: Float) -> Float { Float(erf(Double(x))) }
func power(_ x: Float, _ exponent: Float) -> Float { Float(pow(Double(x), Double(exponent))) }

/// Sorts the indices `first ..< first + count` by descending value, ties by the lower index.
///
/// What is not a number comes last. In place (heapsort), so that nothing is allocated.
func sortDescending(
  _ order: UnsafeMutablePointer<Int32>, count: Int, by values: UnsafePointer<Float>,
  from first: Int
) {
  for index in 0..<count { order[index] = Int32(first + index) }
  sortDescending(order, count: count, by: values)
}

/// The same for indices that are there already.
func sortDescending(
  _ order: UnsafeMutablePointer<Int32>, count: Int, by values: UnsafePointer<Float>
) {
  func value(_ index: Int32) -> Float {
    let value = values[Int(index)]
    return value.isNaN ? -.infinity : value
  }
  /// Whether the left one comes later, so that the heap's root is what comes last.
  func isLater(_ left: Int32, _ right: Int32) -> Bool {
    let (a, b) = (value(left), value(right))
    return a < b || a == b && left > right
  }
  func sink(_ start: Int, _ end: Int) {
    var root = start
    while 2 * root + 1 < end {
      var child = 2 * root + 1
      if child + 1 < end, isLater(order[child + 1], order[child]) { child += 1 }
      guard isLater(order[child], order[root]) else { return }
      swapElements(order, root, child)
      root = child
    }
  }
  guard count > 1 else { return }
  for start in stride(from: count / 2 - 1, through: 0, by: -1) { sink(start, count) }
  for end in stride(from: count - 1, to: 0, by: -1) {
    swapElements(order, 0, end)
    sink(0, end)
  }
}

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

/// The k-th smallest value, from 1, of values that are reordered.
func smallest(_ k: Int, of values: UnsafeMutablePointer<Float>, count: Int) -> Float {
  var (low, high) = (0, count - 1)
  while low < high {
    let pivot = values[(low + high) / 2]
    var (i, j) = (low, high)
    while i <= j {
      while values[i] < pivot { i += 1 }
      while values[j] > pivot { j -= 1 }
      if i <= j {
        swapElements(values, i, j)
        i += 1
        j -= 1
      }
    }
    if k - 1 <= j { high = j } else if k - 1 >= i { low = i } else { break }
  }
  return values[k - 1]
}

@inline(__always)
private func swapElements<Element>(_ x: UnsafeMutablePointer<Element>, _ i: Int, _ j: Int) {
  let element = x[i]
  x[i] = x[j]
  x[j] = element
}
