import CKernels
import Tensors

extension CPUBackend {
  package func embedPatches(_ images: Tensor, _ embedding: PatchEmbedding, into tokens: Tensor) {
    let (batch, side) = (images.shape[0], images.shape[2])
    let patch = embedding.patchSize
    let grid = side / patch
    let patches = grid * grid
    let (total, width) = (tokens.shape[1], tokens.shape[2])
    let prefix = total - patches
    let depth = 3 * patch * patch
    let weight = embedding.linear.weight.floats
    let positions = embedding.positions.floats
    parallel { worker in
      let unfolded = scratch[worker].hidden.floats
      for (image, rows) in pieces(of: batch, each: patches, worker: worker) {
        let source = images.floats + image * 3 * side * side
        for row in rows {
          Self.unfold(
            source, side: side, patch: patch, row: row / grid, column: row % grid,
            into: unfolded + (row - rows.lowerBound) * depth)
        }
        let output = tokens.floats + (image * total + prefix + rows.lowerBound) * width
        output.update(from: positions + rows.lowerBound * width, count: rows.count * width)
        product(
          .transposed, rows.count, width, depth, unfolded, depth, weight, depth, output, width,
          beta: 1)
        if let bias = embedding.linear.bias {
          lab_add_bias(output, bias.floats, rows.count, width)
        }
      }
    }
    for image in 0..<batch {
      (tokens.floats + image * total * width).update(
        from: embedding.prefix.floats, count: prefix * width)
    }
  }

  /// One patch of a channel-first image as the row [channel][y][x].
  private static func unfold(
    _ image: UnsafePointer<Float>, side: Int, patch: Int, row: Int, column: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    for channel in 0..<3 {
      for y in 0..<patch {
        let line = image + (channel * side + row * patch + y) * side + column * patch
        (output + (channel * patch + y) * patch).update(from: line, count: patch)
      }
    }
  }

  package func project(
    _ input: Tensor, norm: LayerNormParameters?, _ linear: LinearParameters, into output: Tensor
  ) {
    let (columns, depth) = (linear.weight.shape[0], linear.weight.shape[1])
    let rows = input.shape.count / depth
    // Too few rows to share: a classifier's few rows are split over its outputs instead.
    if norm == nil, rows < 8 * threads {
      return projectByColumns(input, linear, rows: rows, into: output)
    }
    parallel { worker in
      for piece in pieces(share(of: rows, worker: worker)) {
        let source = input.floats + piece.lowerBound * depth
        let result = output.floats + piece.lowerBound * columns
        let operand =
          norm.map { normalize(source, $0, piece.count, depth, worker) } ?? UnsafePointer(source)
        product(
          .transposed, piece.count, columns, depth, operand, depth, linear.weight.floats, depth,
          result, columns)
        if let bias = linear.bias { lab_add_bias(result, bias.floats, piece.count, columns) }
      }
    }
  }

  private func projectByColumns(
    _ input: Tensor, _ linear: LinearParameters, rows: Int, into output: Tensor
  ) {
    let (columns, depth) = (linear.weight.shape[0], linear.weight.shape[1])
    parallel { worker in
      let own = share(of: columns, worker: worker)
      guard !own.isEmpty else { return }
      let result = output.floats + own.lowerBound
      if let bias = linear.bias {
        for row in 0..<rows {
          (result + row * columns).update(from: bias.floats + own.lowerBound, count: own.count)
        }
      }
      product(
        .transposed, rows, own.count, depth, input.floats, depth,
        linear.weight.floats + own.lowerBound * depth, depth, result, columns,
        beta: linear.bias == nil ? 0 : 1)
    }
  }

  package func projectResidual(_ input: Tensor, _ linear: LinearParameters, onto stream: Tensor) {
    let (columns, depth) = (linear.weight.shape[0], linear.weight.shape[1])
    let rows = input.shape.count / depth
    parallel { worker in
      for piece in pieces(share(of: rows, worker: worker)) {
        accumulate(
          input.floats + piece.lowerBound * depth, stride: depth, linear, rows: piece.count,
          onto: stream.floats + piece.lowerBound * columns)
      }
    }
  }

  package func feedForward(_ stream: Tensor, _ parameters: FeedForwardParameters) {
    let (wide, width) = (parameters.fc1.weight.shape[0], parameters.fc1.weight.shape[1])
    let rows = stream.shape.count / width
    parallel { worker in
      let hidden = scratch[worker].hidden.floats
      for piece in pieces(share(of: rows, worker: worker)) {
        let source = stream.floats + piece.lowerBound * width
        let operand = normalize(source, parameters.norm, piece.count, width, worker)
        product(
          .transposed, piece.count, wide, width, operand, width, parameters.fc1.weight.floats,
          width, hidden, wide)
        activate(hidden, parameters, rows: piece.count, width: wide)
        accumulate(hidden, stride: wide, parameters.fc2, rows: piece.count, onto: source)
      }
    }
  }

  private func activate(
    _ hidden: UnsafeMutablePointer<Float>, _ parameters: FeedForwardParameters, rows: Int,
    width: Int
  ) {
    guard let bias = parameters.fc1.bias?.floats else {
      preconditionFailure("the feed-forward layers of this family have biases")
    }
    switch parameters.activation {
    case .gelu: lab_bias_gelu(hidden, bias, rows, width)
    case .swiglu: lab_bias_swiglu(hidden, bias, rows, width / 2)
    }
  }

  /// `output += input · weightᵀ + bias`.
  private func accumulate(
    _ input: UnsafePointer<Float>, stride: Int, _ linear: LinearParameters, rows: Int,
    onto output: UnsafeMutablePointer<Float>
  ) {
    let (columns, depth) = (linear.weight.shape[0], linear.weight.shape[1])
    if let bias = linear.bias { lab_add_bias(output, bias.floats, rows, columns) }
    product(
      .transposed, rows, columns, depth, input, stride, linear.weight.floats, depth, output,
      columns, beta: 1)
  }

  /// LayerNorm of a piece into the worker's scratch.
  private func normalize(
    _ rows: UnsafePointer<Float>, _ norm: LayerNormParameters, _ count: Int, _ width: Int,
    _ worker: Int
  ) -> UnsafePointer<Float> {
    let output = scratch[worker].normalized.floats
    lab_layer_norm(
      rows, norm.weight.floats, norm.bias.floats, norm.epsilon, count, width, output)
    return UnsafePointer(output)
  }

  package func readOut(
    _ stream: Tensor, norm: LayerNormParameters, _ kind: ReadOut, into features: Tensor
  ) {
    let (batch, tokens, width) = (stream.shape[0], stream.shape[1], stream.shape[2])
    parallel { worker in
      for image in share(of: batch, worker: worker) {
        let rows = stream.floats + image * tokens * width
        let output = features.floats + image * features.shape[1]
        switch kind {
        case .prefix(let count):
          lab_layer_norm(
            rows, norm.weight.floats, norm.bias.floats, norm.epsilon, count, width, output)
        case .classAndPatchMean(let prefix):
          readMean(rows, norm, tokens: prefix..<tokens, width: width, worker, into: output)
        }
      }
    }
  }

  private func readMean(
    _ rows: UnsafePointer<Float>, _ norm: LayerNormParameters, tokens: Range<Int>, width: Int,
    _ worker: Int, into output: UnsafeMutablePointer<Float>
  ) {
    lab_layer_norm(
      rows, norm.weight.floats, norm.bias.floats, norm.epsilon, 1, width, output)
    let mean = output + width
    mean.update(repeating: 0, count: width)
    for token in tokens {
      lab_add_into(mean, normalize(rows + token * width, norm, 1, width, worker), width)
    }
    lab_scale(mean, 1 / Float(tokens.count), width)
  }

  /// A worker's rows in pieces of about equal size, at most `Scratch.pieceRows` each.
  func pieces(_ rows: Range<Int>) -> PieceSequence { PieceSequence(rows: rows) }

  /// A worker's share of `images` × `each` rows, in pieces that do not cross an image.
  private func pieces(of images: Int, each: Int, worker: Int) -> ImagePieceSequence {
    ImagePieceSequence(rows: share(of: images * each, worker: worker), each: each)
  }
}

/// Ranges of at most `Scratch.pieceRows` rows that cover a range, of about equal size.
struct PieceSequence: Sequence, IteratorProtocol {
  private let rows: Range<Int>
  private let count: Int
  private var index = 0

  init(rows: Range<Int>) {
    self.rows = rows
    count = (rows.count + Scratch.pieceRows - 1) / Scratch.pieceRows
  }

  mutating func next() -> Range<Int>? {
    guard index < count else { return nil }
    defer { index += 1 }
    let first = rows.lowerBound + rows.count * index / count
    let last = rows.lowerBound + rows.count * (index + 1) / count
    return first..<last
  }
}

/// As `PieceSequence`, in ranges of rows of one image each.
struct ImagePieceSequence: Sequence, IteratorProtocol {
  private let each: Int
  private let end: Int
  private var row: Int

  init(rows: Range<Int>, each: Int) {
    self.each = each
    end = rows.upperBound
    row = rows.lowerBound
  }

  mutating func next() -> (image: Int, rows: Range<Int>)? {
    guard row < end else { return nil }
    let image = row / each
    let first = row - image * each
    let last = Swift.min(each, first + Scratch.pieceRows, first + end - row)
    row += last - first
    return (image, first..<last)
  }
}
