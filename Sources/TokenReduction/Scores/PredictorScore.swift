import Records

/// The probability of keeping that a trained predictor gives: the logarithm, one for each patch
/// token.
///
/// `h = GELU(Linear(LN(x)))`, the second half replaced by its mean over the tokens, then
/// C → C/2 → C/4 → 2 with GELU between, and log-softmax; the first column. The official checkpoints
/// bring `score_predictor.{i}.*` for the i-th place. Source: Rao et al., "DynamicViT",
/// arXiv:2106.02034; `models/dyvit.py`.
package struct PredictorScore: TokenScore {
  package static let name = "predictor"
  package static let summary = "the log-probability of keeping that a trained predictor gives"

  package static let parameters = [
    MethodParameter(
      "predictors", .choice(["checkpoint", "random"]), default: .string("checkpoint"),
      "\"random\" draws them, for latency without weights that were trained with the method")
  ]

  /// Whether the predictors are drawn, and not read from the weights.
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

  package func scratchFloats(_ extent: StepExtent) -> Int {
    (extent.patchesIn + 3) * extent.width
  }

  package func writeScores(_ image: ImageStep) {
    let c = image.width
    let patches = image.tokensIn - image.prefix
    let hidden = image.scratch
    let row = hidden + patches * c
    var weights = image.constants
    let (gain, shift) = (weights, weights + c)
    weights += 2 * c
    for patch in 0..<patches {
      layerNorm(image.token(image.prefix + patch), gain, shift, into: row, c)
      linear(row, weights, c, c, gelu: true, into: hidden + patch * c)
    }
    weights += c * c + c
    // The tokens tell each other their mean in the second half.
    let mean = row + c
    mean.update(repeating: 0, count: c)
    for patch in 0..<patches { add(1 / Float(patches), hidden + patch * c, to: mean, c) }
    let (half, quarter) = (row, row + 2 * c)
    for patch in 0..<patches {
      let own = hidden + patch * c
      (own + c / 2).update(from: mean + c / 2, count: c - c / 2)
      linear(own, weights, c, c / 2, gelu: true, into: half)
      let second = weights + c * (c / 2) + c / 2
      linear(half, second, c / 2, c / 4, gelu: true, into: quarter)
      let third = second + (c / 2) * (c / 4) + c / 4
      linear(quarter, third, c / 4, 2, gelu: false, into: half)
      // log-softmax of two.
      image.scores[image.prefix + patch] =
        -logarithm(1 + exponential(half[1] - half[0]))
    }
  }

  private func layerNorm(
    _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>, _ shift: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    var mean: Float = 0
    for c in 0..<count { mean += x[c] }
    mean /= Float(count)
    var variance: Float = 0
    for c in 0..<count { variance += (x[c] - mean) * (x[c] - mean) }
    let factor = 1 / (variance / Float(count) + 1e-5).squareRoot()
    for c in 0..<count { y[c] = (x[c] - mean) * factor * gain[c] + shift[c] }
  }

  /// The weight [outputs, inputs] with its bias behind it.
  private func linear(
    _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ inputs: Int, _ outputs: Int,
    gelu: Bool, into y: UnsafeMutablePointer<Float>
  ) {
    let bias = weight + inputs * outputs
    for output in 0..<outputs {
      let sum = dot(x, weight + output * inputs, inputs) + bias[output]
      y[output] = gelu ? 0.5 * sum * (1 + errorFunction(sum * Float(0.5).squareRoot())) : sum
    }
  }
}
