import CKernels
import Records

/// The log-probability of keeping each patch token, from a trained predictor.
///
/// `h = GELU(Linear(LN(x)))`, the second half replaced by its mean over the tokens, then C → C/2 →
/// C/4 → 2 with GELU between, and log-softmax; the first column. The official checkpoints contain
/// `score_predictor.{i}.*` for the i-th position. Source: Rao et al., "DynamicViT",
/// arXiv:2106.02034; `models/dyvit.py`.
package struct PredictorScore: TokenScore {
  package static let name = "predictor"
  package static let summary = "the log-probability of keeping that a trained predictor gives"

  package static let parameters = [
    MethodParameter(
      "predictors", .choice(["checkpoint", "random"]), default: .string("checkpoint"),
      "\"random\" initializes them randomly, for latency without weights trained with "
        + "the method")
  ]

  /// Whether the predictors are initialized randomly instead of read from the weights.
  package let isDrawn: Bool

  package init(isDrawn: Bool = false) { self.isDrawn = isDrawn }
  package init(_ values: ParameterValues) { isDrawn = values.string("predictors") == "random" }

  package var inputs: ReductionInputs { ReductionInputs() }
  package var positions: [ReductionStep.Position] { [.beforeBlock] }

  package func tensors(_ extent: StepExtent) -> [MethodTensor] {
    let (key, c) = ("score_predictor.\(extent.ordinal)", extent.width)
    func tensor(
      _ name: String, _ shape: [Int], _ initial: MethodTensor.Initial = .normal
    ) -> MethodTensor {
      MethodTensor("\(key).\(name)", shape, initial, isDrawn: isDrawn)
    }
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> [MethodTensor] {
      [
        tensor("\(name).weight", [outputs, inputs]), tensor("\(name).bias", [outputs], .zeros),
      ]
    }
    return [tensor("in_conv.0.weight", [c], .ones), tensor("in_conv.0.bias", [c], .zeros)]
      + linear("in_conv.1", c, c) + linear("out_conv.0", c, c / 2)
      + linear("out_conv.2", c / 2, c / 4) + linear("out_conv.4", c / 4, 2)
  }

  /// The tensors with every weight packed for products, that of `out_conv.0` in the half that reads
  /// a token's own features and the half that reads the mean of all.
  package func prepared(_ tensors: [Float], _ extent: StepExtent) -> [Float] {
    let layout = PredictorLayout(width: extent.width)
    var prepared = [Float](repeating: 0, count: layout.count)
    tensors.withUnsafeBufferPointer { source in
      prepared.withUnsafeMutableBufferPointer { target in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        layout.pack(from, into: to)
      }
    }
    return prepared
  }

  package func scratchFloats(_ extent: StepExtent) -> Int {
    PredictorLayout(width: extent.width).scratchFloats(patches: extent.patchesIn)
  }

  package func writeScores(_ image: ImageStep) {
    let layout = PredictorLayout(width: image.width)
    image.share(HiddenWork(image: image, layout: layout)) { HiddenWork.enter($0, $1) }
    // The second half becomes its mean over the tokens.
    let (c, own, patches) = (image.width, image.width / 2, image.tokensIn - image.prefix)
    let hidden = layout.hidden(image)
    let mean = image.scratch + layout.scratchFloats(patches: patches) - layout.meanFloats
    lab_column_sums(hidden + own, patches, c - own, layout.stride, mean)
    lab_scale(mean, 1 / Float(patches), c - own)
    let shift = mean + layout.stride
    lab_gemm(
      mean, 1, layout.stride, image.constants + layout.mixed, c / 2, c - own, 0,
      lab_panels(c / 2), lab_prefetch(), image.constants + layout.mixedBias,
      Int32(LAB_EPILOGUE_NONE), shift, layout.stride, nil)
    image.share(JudgeWork(image: image, layout: layout, shift: shift)) { JudgeWork.enter($0, $1) }
  }
}

/// The positions of a predictor's parts in its prepared values and in scratch memory.
private struct PredictorLayout {
  let width: Int

  private func packed(_ outputs: Int, _ inputs: Int) -> Int { lab_packed_count(outputs, inputs) }
  /// A bias is padded to whole panels.
  private func bias(_ outputs: Int) -> Int { lab_panels(outputs) * lab_panel_width() }
  private var own: Int { width / 2 }

  // The LayerNorm's weight and bias come first.
  var first: Int { 2 * width }
  var firstBias: Int { first + packed(width, width) }
  var second: Int { firstBias + bias(width) }
  var mixed: Int { second + packed(width / 2, own) }
  var mixedBias: Int { mixed + packed(width / 2, width - own) }
  var third: Int { mixedBias + bias(width / 2) }
  var thirdBias: Int { third + packed(width / 4, width / 2) }
  /// [2, C/4] and two biases.
  var last: Int { thirdBias + bias(width / 4) }
  var count: Int { last + 2 * (width / 4) + 2 }

  /// Of every row in scratch memory.
  var stride: Int { FloatRows.stride(width) }
  /// The mean, and what it adds to every token.
  var meanFloats: Int { stride + stride + lab_panel_width() }

  /// Normalized rows, whose place the third layer's take, and hidden ones.
  func scratchFloats(patches: Int) -> Int { 2 * patches * stride + meanFloats }

  func normalized(_ image: ImageStep) -> UnsafeMutablePointer<Float> { image.scratch }
  func hidden(_ image: ImageStep) -> UnsafeMutablePointer<Float> {
    image.scratch + (image.tokensIn - image.prefix) * stride
  }

  func pack(_ tensors: UnsafePointer<Float>, into to: UnsafeMutablePointer<Float>) {
    let c = width
    to.update(from: tensors, count: 2 * c)
    var from = tensors + 2 * c
    func pack(_ outputs: Int, _ columns: Range<Int>, of inputs: Int, at place: Int) {
      lab_pack_transposed(
        from + columns.lowerBound, outputs, columns.count, inputs, 0, lab_panels(outputs),
        to + place)
    }
    func takeBias(_ outputs: Int, _ inputs: Int, at place: Int) {
      (to + place).update(from: from + outputs * inputs, count: outputs)
      from += outputs * inputs + outputs
    }
    pack(c, 0..<c, of: c, at: first)
    takeBias(c, c, at: firstBias)
    pack(c / 2, 0..<own, of: c, at: second)
    pack(c / 2, own..<c, of: c, at: mixed)
    takeBias(c / 2, c, at: mixedBias)
    pack(c / 4, 0..<(c / 2), of: c / 2, at: third)
    takeBias(c / 4, c / 2, at: thirdBias)
    (to + last).update(from: from, count: 2 * (c / 4) + 2)
  }
}

/// The first layer of some patches: GELU of a linear layer of the normalized token.
private struct HiddenWork: ImageWork {
  let image: ImageStep
  let layout: PredictorLayout

  var items: Int { image.tokensIn - image.prefix }
  var grain: Int { 28 }

  func run(_ rows: Range<Int>) {
    let (c, stride, weights) = (image.width, layout.stride, image.constants)
    let normalized = layout.normalized(image) + rows.lowerBound * stride
    for row in rows {
      lab_layer_norm(
        image.token(image.prefix + row), weights, weights + c, 1e-5, 1, c,
        normalized + (row - rows.lowerBound) * stride)
    }
    lab_gemm(
      normalized, rows.count, stride, weights + layout.first, c, c, 0, lab_panels(c),
      lab_prefetch(),
      weights + layout.firstBias, Int32(LAB_EPILOGUE_GELU),
      layout.hidden(image) + rows.lowerBound * stride, stride, nil)
  }
}

/// The other layers of some patches, up to the score.
private struct JudgeWork: ImageWork {
  let image: ImageStep
  let layout: PredictorLayout
  /// The second layer's bias with what the mean of all tokens adds.
  let shift: UnsafePointer<Float>

  var items: Int { image.tokensIn - image.prefix }
  var grain: Int { 28 }

  func run(_ rows: Range<Int>) {
    let (c, stride, weights) = (image.width, layout.stride, image.constants)
    let hidden = layout.hidden(image) + rows.lowerBound * stride
    let halves = layout.normalized(image) + rows.lowerBound * stride
    lab_gemm(
      hidden, rows.count, stride, weights + layout.second, c / 2, c / 2, 0, lab_panels(c / 2),
      lab_prefetch(), shift, Int32(LAB_EPILOGUE_GELU), halves, stride, nil)
    lab_gemm(
      halves, rows.count, stride, weights + layout.third, c / 4, c / 2, 0, lab_panels(c / 4),
      lab_prefetch(), weights + layout.thirdBias, Int32(LAB_EPILOGUE_GELU), hidden, stride, nil)
    let (last, quarter) = (weights + layout.last, c / 4)
    for row in rows {
      let x = hidden + (row - rows.lowerBound) * stride
      let keep = dot(x, last, quarter) + last[2 * quarter]
      let drop = dot(x, last + quarter, quarter) + last[2 * quarter + 1]
      // log-softmax of two.
      image.scores[image.prefix + row] = -logarithm(1 + exponential(drop - keep))
    }
  }
}
