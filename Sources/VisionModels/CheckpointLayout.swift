/// How a project names and shapes the tensors of a model, in terms of timm's: a file of another
/// project is read through it.
package protocol CheckpointLayout: Sendable {
  /// As a person knows it: `Hugging Face`.
  var name: String { get }
  /// Whether a file with these keys is laid out so.
  func detects(_ keys: Set<String>) -> Bool
  /// Where one of timm's tensors is in the file.
  func source(of key: String) -> TensorSource
}

/// A tensor made of tensors of a file.
package indirect enum TensorSource: Hashable, Sendable {
  case tensor(String)
  /// One below the other, along the first axis: split q, k and v.
  case concatenation([TensorSource])
  /// A matrix with rows and columns exchanged.
  case transposition(TensorSource)
  /// Some rows of the first axis.
  case slice(TensorSource, Range<Int>)
  /// The same numbers in another shape.
  case reshaped(TensorSource, [Int])

  /// Keys of the file that it reads.
  package var keys: [String] {
    switch self {
    case .tensor(let key): [key]
    case .concatenation(let parts): parts.flatMap(\.keys)
    case .transposition(let source), .slice(let source, _), .reshaped(let source, _): source.keys
    }
  }

  /// The shape that it has in a file, `nil` where a part is missing or does not fit.
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
    }
  }

  /// The numbers that it has in a file whose shape is known to be right.
  package func values(
    _ read: (String) throws -> [Float], _ shapeOf: (String) -> [Int]?
  ) throws -> [Float] {
    switch self {
    case .tensor(let key): return try read(key)
    case .concatenation(let parts): return try parts.flatMap { try $0.values(read, shapeOf) }
    case .transposition(let source):
      let values = try source.values(read, shapeOf)
      guard let shape = source.shape(shapeOf), shape.count == 2 else { return values }
      let (rows, columns) = (shape[0], shape[1])
      var result = [Float](repeating: 0, count: values.count)
      for row in 0..<rows {
        for column in 0..<columns { result[column * rows + row] = values[row * columns + column] }
      }
      return result
    case .slice(let source, let range):
      let values = try source.values(read, shapeOf)
      guard let shape = source.shape(shapeOf), let rows = shape.first, rows > 0 else {
        return values
      }
      let width = values.count / rows
      return Array(values[(range.lowerBound * width)..<(range.upperBound * width)])
    case .reshaped(let source, _): return try source.values(read, shapeOf)
    }
  }
}

/// timm's own names.
struct TimmLayout: CheckpointLayout {
  let name = "timm"
  func detects(_ keys: Set<String>) -> Bool { true }
  func source(of key: String) -> TensorSource { .tensor(key) }
}
