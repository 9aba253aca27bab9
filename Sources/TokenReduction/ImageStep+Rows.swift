import CKernels

/// Row computations that several scores and disposals share.
extension ImageStep {
  /// The keys averaged over heads and normalized to length 1, into [N, d]; a zero key stays zero.
  package func writeMeanKeys(into metric: UnsafeMutablePointer<Float>) {
    share(MeanKeyWork(image: self, order: nil, items: tokensIn, metric: metric)) {
      MeanKeyWork.enter($0, $1)
    }
  }

  /// The same for some tokens, in the order of `order`.
  func writeMeanKeys(
    of order: UnsafePointer<Int32>, count: Int, into metric: UnsafeMutablePointer<Float>
  ) -> FloatRows {
    share(MeanKeyWork(image: self, order: order, items: count, metric: metric)) {
      MeanKeyWork.enter($0, $1)
    }
    return FloatRows(metric, count: count, width: headDim, stride: headDim)
  }

  /// Tokens at length 1 into scratch rows, all in their order or some in that of `order`.
  func writeDirections(
    of order: UnsafePointer<Int32>? = nil, from first: Int = 0, count: Int,
    into rows: UnsafeMutablePointer<Float>
  ) -> FloatRows {
    share(DirectionWork(image: self, order: order, first: first, items: count, rows: rows)) {
      DirectionWork.enter($0, $1)
    }
    return FloatRows(rows, count: count, width: width)
  }

  /// Distances of all pairs of patches times √scale into [P, P] at `distance`.
  ///
  /// - Parameter distance: `distanceFloats` many.
  func writeDistances(into distance: UnsafeMutablePointer<Float>, scale: Float) {
    let patches = tokensIn - prefix
    let squares = distance + Self.productFloats(rows: patches, columns: patches, width: width)
    let rows = FloatRows(token(prefix), count: patches, width: width, stride: width)
    lab_row_squares(rows.start, patches, width, width, squares)
    multiply(rows, rows, into: distance, then: .distances(squares: squares, scale: scale))
  }

  static func distanceFloats(_ extent: StepExtent) -> Int {
    let patches = extent.patchesIn
    return productFloats(rows: patches, columns: patches, width: extent.width) + patches
  }

  /// The class token's attention of every head, [H, N], and behind it N numbers of scratch.
  package func writeClassRows(into rows: UnsafeMutablePointer<Float>) {
    let logSizes = rows + heads * tokensIn
    if sizesInAttention, let sizes { lab_log(sizes, tokensIn, logSizes) }
    for head in 0..<heads {
      lab_row_dots(
        feature(.query, 0) + head * headDim, feature(.key, 0) + head * headDim, tokensIn, headDim,
        3 * width, rows + head * tokensIn)
    }
    lab_softmax_rows(
      rows, 1 / Float(headDim).squareRoot(), sizesInAttention ? UnsafePointer(logSizes) : nil,
      heads, tokensIn, tokensIn)
  }

  static func classRowFloats(_ extent: StepExtent) -> Int {
    (extent.heads + 1) * extent.step.tokensIn
  }

  // MARK: New tokens

  /// Each output is the weighted mean of its sources; an output with one source is a copy.
  package func writeMeans(weights: UnsafePointer<Float>?) {
    share(AssemblyWork(image: self, weights: weights, sizes: nil)) { AssemblyWork.enter($0, $1) }
  }

  /// The sizes of the sources add up.
  package func addSizes() {
    guard let outputSizes else { return }
    for index in 0..<tokensOut {
      var sum: Float = 0
      for place in Int(offsets[index])..<Int(offsets[index + 1]) {
        sum += size(Int(sources[place]))
      }
      outputSizes[index] = sum
    }
  }

  /// Means by size, and sizes.
  package func merge() {
    share(AssemblyWork(image: self, weights: sizes, sizes: outputSizes)) {
      AssemblyWork.enter($0, $1)
    }
    if sizes == nil { addSizes() }
  }
}

private struct MeanKeyWork: ImageWork {
  let image: ImageStep
  /// `nil` uses all tokens in place.
  let order: UnsafePointer<Int32>?
  let items: Int
  let metric: UnsafeMutablePointer<Float>

  var grain: Int { 64 }

  func run(_ items: Range<Int>) {
    let (stride, d) = (3 * image.width, image.headDim)
    guard let order else {
      return lab_key_metric(
        image.feature(.key, items.lowerBound), items.count, stride, image.heads, d,
        metric + items.lowerBound * d)
    }
    for item in items {
      lab_key_metric(
        image.feature(.key, Int(order[item])), 1, stride, image.heads, d, metric + item * d)
    }
  }
}

private struct DirectionWork: ImageWork {
  let image: ImageStep
  let order: UnsafePointer<Int32>?
  let first: Int
  let items: Int
  let rows: UnsafeMutablePointer<Float>

  var grain: Int { 64 }

  func run(_ items: Range<Int>) {
    let (width, stride) = (image.width, FloatRows.stride(image.width))
    guard let order else {
      return lab_normalize_rows(
        image.token(first + items.lowerBound), items.count, width, width,
        rows + items.lowerBound * stride, stride)
    }
    for item in items {
      lab_normalize_rows(
        image.token(Int(order[item])), 1, width, width, rows + item * stride, stride)
    }
  }
}

/// Builds new tokens from their sources.
private struct AssemblyWork: ImageWork {
  let image: ImageStep
  /// `nil` is the plain mean.
  let weights: UnsafePointer<Float>?
  /// Where the weights' sums go.
  let sizes: UnsafeMutablePointer<Float>?

  var items: Int { image.tokensOut }
  var grain: Int { 50 }

  func run(_ outputs: Range<Int>) {
    lab_assemble(
      image.tokens, image.width, image.offsets, image.sources,
      Int32(weights == nil ? LAB_WEIGHT_MEAN : LAB_WEIGHT_SIZE), 0, nil, weights,
      outputs.lowerBound, outputs.upperBound, image.output, weights == nil ? nil : sizes)
  }
}
