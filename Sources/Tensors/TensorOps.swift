/// The complete set of operations for models, on NHWC views, with bias, activation and residual as
/// epilogues.
///
/// `CPUBackend` is the reference; the contract tests compare every device with plain loops in
/// double precision.
package protocol TensorOps: Device {
  /// A linear layer from its weight [outputs, inputs] and bias [outputs]; never called inside a
  /// timed pass.
  func makeLinear(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?, inputs: Int,
    outputs: Int
  ) throws(TensorsError) -> LinearParameters
  /// A convolution from its weight [outputs, inputs / groups, kernel, kernel] and bias [outputs];
  /// never called inside a timed pass.
  func makeConvolution(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?,
    _ extent: ConvolutionExtent
  ) throws(TensorsError) -> ConvolutionParameters

  /// `output = epilogue(convolution(input))`, dense, grouped or depthwise.
  ///
  /// The output's height and width determine how far the kernel moves; pixels outside the input are
  /// zero.
  func convolve(
    _ input: FeatureMap, _ convolution: ConvolutionParameters, _ epilogue: Epilogue,
    into output: FeatureMap)
  /// `output = epilogue(linear(input))` for every row.
  func linear(
    _ input: TensorView, _ linear: LinearParameters, _ epilogue: Epilogue, into output: TensorView)
  /// LayerNorm of every row.
  func layerNorm(_ input: TensorView, _ norm: LayerNormParameters, into output: TensorView)
  /// `output = activation(input · scale + shift)`, scale and shift [width]: a batch norm that
  /// cannot be folded into a neighboring layer.
  func affine(
    _ input: TensorView, scale: Tensor, shift: Tensor, _ activation: Activation,
    into output: TensorView)
  /// Softmax attention of every head within every group of tokens.
  func attention(_ operands: AttentionOperands)
  /// Attention with ReLU in place of the softmax, linear in the tokens: `q (kᵀ v) / (q Σ k +
  /// epsilon)` with q and k after a ReLU.
  func linearAttention(
    queries: HeadView, keys: HeadView, values: HeadView, epsilon: Float, into output: HeadView)
  /// ReduceFormer's attention, with elementwise products in place of the matrix products of
  /// `linearAttention`: `relu(q) · (Σ relu(k) · v) / max(relu(q) Σ relu(k), epsilon)`.
  func reducedAttention(
    queries: HeadView, keys: HeadView, values: HeadView, epsilon: Float, into output: HeadView)
  /// The attention weights themselves, [B, H, N, N], for methods that read or change them.
  ///
  /// `tokenSize` [B, N] adds the logarithm of each key's size to its logits.
  func attentionMap(
    queries: HeadView, keys: HeadView, scale: Float, tokenSize: Tensor?, into map: Tensor)
  /// `output = map · values`, [B, H, rows, N] by [B, N, H, d].
  func applyAttentionMap(_ map: Tensor, values: HeadView, into output: HeadView)
  /// Maximum or average over a window of pixels.
  func pool(_ input: FeatureMap, _ pooling: Pooling, into output: FeatureMap)
  /// Mean over all pixels: [B, height, width, channels] to rows [B, channels].
  func globalAveragePool(_ input: FeatureMap, into output: TensorView)
  /// `output = activation(left + right)`; if the right has fewer rows, each is added to the same
  /// number of consecutive rows on the left.
  func add(
    _ left: TensorView, _ right: TensorView, _ activation: Activation, into output: TensorView)
  /// `output = left · right`, elementwise; if the right has fewer rows, each multiplies the same
  /// number of consecutive rows on the left (a gate per image).
  func multiply(_ left: TensorView, _ right: TensorView, into output: TensorView)
  /// `output = activation(input)`.
  func activate(_ input: TensorView, _ activation: Activation, into output: TensorView)
  /// `output[b, i] = input[b, indices[b, i]]`, rows of each image chosen by Int32 [B, N'].
  func gather(_ input: TensorView, _ indices: Tensor, into output: TensorView)
  /// Copies rows: for concatenation and splitting that no operation can do in place.
  func copy(_ input: TensorView, into output: TensorView)
  /// Copies pixels; output pixels outside the input are zero.
  func copy(_ input: FeatureMap, into output: FeatureMap)
  /// Patches of images [B, 3, S, S] as rows [channel][y][x]; with a patch of 1, NCHW to NHWC.
  func unfold(_ images: Tensor, patch: Int, into rows: TensorView)
}

/// An elementwise function.
package enum Activation: String, CaseIterable, Hashable, Sendable {
  case identity
  case relu
  /// `x Φ(x)` with the exact error function.
  case gelu
  /// `x σ(x)`
  case silu
  /// `1 / (1 + exp(-x))`
  case sigmoid
  /// `x · clamp(x + 3, 0, 6) / 6`
  case hardswish
  /// `clamp(x + 3, 0, 6) / 6`
  case hardsigmoid

  /// The number by which the kernels of every device identify it.
  package var kernelMode: Int {
    switch self {
    case .identity: 0
    case .relu: 1
    case .gelu: 2
    case .silu: 3
    case .sigmoid: 4
    case .hardswish: 5
    case .hardsigmoid: 6
    }
  }
}

/// What an operation applies to each value before writing it.
package struct Epilogue {
  package var activation: Activation
  /// Added to the result; it has the output's rows and width, and may be the output itself.
  package var residual: TensorView?
  /// `activation(x + residual)` instead of `activation(x) + residual`.
  package var activatesSum: Bool

  package init(
    _ activation: Activation = .identity, residual: TensorView? = nil, activatesSum: Bool = false
  ) {
    self.activation = activation
    self.residual = residual
    self.activatesSum = activatesSum
  }

  package static var none: Epilogue { Epilogue() }
}

/// The sizes of a convolution.
package struct ConvolutionExtent: Hashable, Sendable {
  package var inputs: Int
  package var outputs: Int
  package var kernel: Int
  package var stride: Int
  /// Padding above and to the left of the input; the output's size determines the padding below and
  /// to the right.
  package var padding: Int
  /// 1 is dense, `inputs` is depthwise.
  package var groups: Int

  /// - Parameter padding: `kernel / 2` by default, which keeps the size at stride 1.
  package init(
    inputs: Int, outputs: Int, kernel: Int, stride: Int = 1, padding: Int? = nil, groups: Int = 1
  ) {
    self.inputs = inputs
    self.outputs = outputs
    self.kernel = kernel
    self.stride = stride
    self.padding = padding ?? kernel / 2
    self.groups = groups
  }

  /// The output size of a side, with equal padding on both ends.
  package func outputSide(_ side: Int) -> Int { (side + 2 * padding - kernel) / stride + 1 }

  package var weightCount: Int { outputs * (inputs / groups) * kernel * kernel }
}

/// A convolution on a device, in the layout that its backend reads fastest; made by
/// `TensorOps.makeConvolution`.
package struct ConvolutionParameters {
  package let weight: Tensor
  /// [outputs]; zeros if the layer has no bias.
  package let bias: Tensor
  package let extent: ConvolutionExtent

  package init(weight: Tensor, bias: Tensor, extent: ConvolutionExtent) {
    self.weight = weight
    self.bias = bias
    self.extent = extent
  }
}

/// A pooling window.
package struct Pooling: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable { case maximum, average }

  package var kind: Kind
  package var window: Int
  package var stride: Int
  package var padding: Int
  /// Whether zeros outside the input count in an average, as PyTorch's `count_include_pad`.
  package var countsPadding: Bool

  package init(
    _ kind: Kind, window: Int, stride: Int, padding: Int = 0, countsPadding: Bool = true
  ) {
    self.kind = kind
    self.window = window
    self.stride = stride
    self.padding = padding
    self.countsPadding = countsPadding
  }
}

/// Which tokens of an image attend to each other.
package enum TokenGrouping: Hashable, Sendable {
  case all
  /// Square windows of a grid, shifted cyclically by `shift` rows and columns; tokens from opposite
  /// borders that the shift moves into one window do not attend to each other (Swin). The window
  /// size divides the grid.
  case windows(height: Int, width: Int, window: Int, shift: Int)
  /// The tokens at the same position in every `patch` × `patch` square (MobileViT).
  case interleaved(height: Int, width: Int, patch: Int)

  /// The number of groups per image.
  package func groups(tokens: Int) -> Int {
    switch self {
    case .all: 1
    case .windows(let height, let width, let window, _): (height / window) * (width / window)
    case .interleaved(_, _, let patch): patch * patch
    }
  }

  /// The number of tokens per group.
  package func tokensPerGroup(tokens: Int) -> Int { tokens / groups(tokens: tokens) }

  /// The token of the image at a position in a group.
  @inline(__always)
  package func token(_ group: Int, _ place: Int) -> Int {
    switch self {
    case .all: return place
    case .windows(let height, let width, let window, let shift):
      let (y, x) = position(group, place, width, window)
      return (y + shift) % height * width + (x + shift) % width
    case .interleaved(_, let width, let patch):
      let columns = width / patch
      let y = place / columns * patch + group / patch
      let x = place % columns * patch + group % patch
      return y * width + x
    }
  }

  /// Tokens of a group attend to each other if they have the same value.
  @inline(__always)
  package func region(_ group: Int, _ place: Int) -> Int {
    guard case .windows(let height, let width, let window, let shift) = self, shift > 0 else {
      return 0
    }
    let (y, x) = position(group, place, width, window)
    func band(_ value: Int, _ side: Int) -> Int {
      value < side - window ? 0 : value < side - shift ? 1 : 2
    }
    return 3 * band(y, height) + band(x, width)
  }

  private func position(_ group: Int, _ place: Int, _ width: Int, _ window: Int) -> (Int, Int) {
    let columns = width / window
    return (
      group / columns * window + place / window, group % columns * window + place % window
    )
  }
}

/// One softmax attention: `softmax(scale · q kᵀ + bias) v` of every head within every group of
/// tokens.
package struct AttentionOperands {
  package let queries: HeadView
  package let keys: HeadView
  package let values: HeadView
  package let output: HeadView
  package let scale: Float
  package let grouping: TokenGrouping
  /// Added to the logits, float32 [heads, n, n] for the n tokens of a group.
  package let bias: Tensor?
  /// [B, N]: the logarithm of each key's size is added to its logits.
  package let tokenSize: Tensor?

  package init(
    queries: HeadView, keys: HeadView, values: HeadView, output: HeadView, scale: Float,
    grouping: TokenGrouping = .all, bias: Tensor? = nil, tokenSize: Tensor? = nil
  ) {
    self.queries = queries
    self.keys = keys
    self.values = values
    self.output = output
    self.scale = scale
    self.grouping = grouping
    self.bias = bias
    self.tokenSize = tokenSize
  }
}
