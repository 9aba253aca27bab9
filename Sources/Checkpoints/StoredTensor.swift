import Tensors

/// The position and layout of a tensor's values among some bytes.
package struct StoredTensor: Sendable, Hashable {
  package let type: ElementType
  package let shape: [Int]
  /// The first number, in bytes from the start of `source`.
  let offset: Int
  /// Elements between neighbors of each axis.
  let strides: [Int]
  /// Which of a checkpoint's pieces of memory holds it.
  let source: Int

  package var count: Int { shape.reduce(1, *) }

  /// Row-major strides.
  static func contiguous(_ shape: [Int]) -> [Int] {
    var strides = shape
    var step = 1
    for axis in shape.indices.reversed() {
      strides[axis] = step
      step *= max(1, shape[axis])
    }
    return strides
  }

  var isContiguous: Bool {
    zip(strides, Self.contiguous(shape)).enumerated().allSatisfy { axis, pair in
      shape[axis] <= 1 || pair.0 == pair.1
    }
  }

  /// Bytes from the first number to after the last, or `nil` where that overflows.
  var extent: Int? {
    var last = 0
    for (size, stride) in zip(shape, strides) {
      guard size > 0 else { return 0 }
      let (reach, overflows) = (size - 1).multipliedReportingOverflow(by: stride)
      let (sum, overflowsToo) = last.addingReportingOverflow(reach)
      guard !overflows, !overflowsToo, stride >= 0 else { return nil }
      last = sum
    }
    let (bytes, overflows) = last.multipliedReportingOverflow(by: type.byteCount)
    return overflows ? nil : bytes + type.byteCount
  }

  /// Whether it can be read from `bytes` bytes without leaving them.
  func fits(_ bytes: Int) -> Bool {
    guard shape.allSatisfy({ $0 >= 0 }), shape.count == strides.count, offset >= 0,
      Self.count(shape) != nil, let extent
    else { return false }
    return extent == 0 || (offset <= bytes && extent <= bytes - offset)
  }

  /// The number of elements of a shape; `nil` if it overflows an `Int`.
  static func count(_ shape: [Int]) -> Int? {
    var product = 1
    for size in shape {
      let (next, overflows) = product.multipliedReportingOverflow(by: size)
      guard !overflows else { return nil }
      product = next
    }
    return product
  }

  /// Copies the numbers in row-major order.
  func copy(from bytes: UnsafeRawBufferPointer, to output: UnsafeMutableBufferPointer<Float>) {
    let width = type.byteCount
    guard !isContiguous else {
      for index in 0..<output.count {
        output[index] = type.float(bytes, at: offset + index * width)
      }
      return
    }
    var position = [Int](repeating: 0, count: shape.count)
    var at = 0
    for index in 0..<output.count {
      output[index] = type.float(bytes, at: offset + at * width)
      var axis = shape.count - 1
      while axis >= 0 {
        position[axis] += 1
        at += strides[axis]
        if position[axis] < shape[axis] { break }
        at -= position[axis] * strides[axis]
        position[axis] = 0
        axis -= 1
      }
    }
  }
}
