/// How a tensor is made from tensors of a file.
package indirect enum TensorSource: Hashable, Sendable {
  case tensor(String)
  /// Concatenated along the first axis: separate q, k and v.
  case concatenation([TensorSource])
  /// A transposed matrix.
  case transposition(TensorSource)
  /// A range of the first axis.
  case slice(TensorSource, Range<Int>)
  /// The same values in another shape.
  case reshaped(TensorSource, [Int])
  /// Permuted axes: the result's axis `i` is the source's `axes[i]`.
  case permuted(TensorSource, [Int])
  /// Adjacent axes joined into one.
  case joined(TensorSource, Range<Int>)
  /// Some tokens of a sequence [1, tokens, width]; `nil` for `upTo` goes on to the last.
  case tokens(TensorSource, from: Int, upTo: Int?)
  /// The elementwise sum of tensors of the same shape.
  case sum([TensorSource])

  /// The keys of the file that it reads.
  package var keys: [String] {
    switch self {
    case .tensor(let key): [key]
    case .concatenation(let parts), .sum(let parts): parts.flatMap(\.keys)
    case .transposition(let source), .slice(let source, _), .reshaped(let source, _),
      .permuted(let source, _), .joined(let source, _), .tokens(let source, _, _):
      source.keys
    }
  }

  /// Its shape in a file; `nil` if a part is missing or does not fit.
  package func shape(_ shapeOf: (String) -> [Int]?) -> [Int]? {
    switch self {
    case .tensor(let key): return shapeOf(key)
    case .concatenation(let parts):
      let shapes = parts.map { $0.shape(shapeOf) }
      guard let first = shapes.first ?? nil, !first.isEmpty else { return nil }
      var rows = 0
      for shape in shapes {
        guard let shape, shape.dropFirst() == first.dropFirst() else { return nil }
        rows += shape[0]
      }
      return [rows] + first.dropFirst()
    case .transposition(let source):
      guard let shape = source.shape(shapeOf), shape.count == 2 else { return nil }
      return [shape[1], shape[0]]
    case .slice(let source, let range):
      guard let shape = source.shape(shapeOf), let rows = shape.first, range.upperBound <= rows
      else { return nil }
      return [range.count] + shape.dropFirst()
    case .reshaped(let source, let shape):
      guard let found = source.shape(shapeOf), found.reduce(1, *) == shape.reduce(1, *) else {
        return nil
      }
      return shape
    case .permuted(let source, let axes):
      guard let shape = source.shape(shapeOf), axes.sorted() == Array(shape.indices) else {
        return nil
      }
      return axes.map { shape[$0] }
    case .joined(let source, let axes):
      guard let shape = source.shape(shapeOf), axes.upperBound <= shape.count else { return nil }
      return shape[..<axes.lowerBound] + [shape[axes].reduce(1, *)] + shape[axes.upperBound...]
    case .tokens(let source, let first, let end):
      guard let shape = source.shape(shapeOf), shape.count == 3, shape[0] == 1,
        first <= end ?? shape[1], end ?? 0 <= shape[1]
      else { return nil }
      return [1, (end ?? shape[1]) - first, shape[2]]
    case .sum(let parts):
      let shapes = Set(parts.map { $0.shape(shapeOf) })
      return shapes.count == 1 ? shapes.first ?? nil : nil
    }
  }

  /// Its values in a file whose shapes are already checked.
  package func values(
    _ read: (String) throws -> [Float], _ shapeOf: (String) -> [Int]?
  ) throws -> [Float] {
    func values(_ source: TensorSource) throws -> (values: [Float], shape: [Int]) {
      (try source.values(read, shapeOf), source.shape(shapeOf) ?? [])
    }
    switch self {
    case .tensor(let key): return try read(key)
    case .concatenation(let parts): return try parts.flatMap { try $0.values(read, shapeOf) }
    case .transposition(let source):
      let (values, shape) = try values(source)
      return Self.permute(values, shape, [1, 0])
    case .slice(let source, let range):
      let (values, shape) = try values(source)
      guard let rows = shape.first, rows > 0 else { return values }
      let width = values.count / rows
      return Array(values[(range.lowerBound * width)..<(range.upperBound * width)])
    case .reshaped(let source, _), .joined(let source, _):
      return try source.values(read, shapeOf)
    case .permuted(let source, let axes):
      let (values, shape) = try values(source)
      return Self.permute(values, shape, axes)
    case .tokens(let source, let first, let end):
      let (values, shape) = try values(source)
      return Array(values[(first * shape[2])..<((end ?? shape[1]) * shape[2])])
    case .sum(let parts):
      var sum: [Float] = []
      for part in parts {
        let values = try part.values(read, shapeOf)
        sum = sum.isEmpty ? values : zip(sum, values).map { $0 + $1 }
      }
      return sum
    }
  }

  /// Row-major values with permuted axes.
  private static func permute(_ values: [Float], _ shape: [Int], _ axes: [Int]) -> [Float] {
    guard shape.count == axes.count, !values.isEmpty else { return values }
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    let (sizes, steps) = (axes.map { shape[$0] }, axes.map { strides[$0] })
    var position = [Int](repeating: 0, count: sizes.count)
    var at = 0
    return [Float](unsafeUninitializedCapacity: values.count) { buffer, count in
      for index in 0..<values.count {
        buffer[index] = values[at]
        var axis = sizes.count - 1
        while axis >= 0 {
          position[axis] += 1
          at += steps[axis]
          if position[axis] < sizes[axis] { break }
          at -= position[axis] * steps[axis]
          position[axis] = 0
          axis -= 1
        }
      }
      count = values.count
    }
  }
}
