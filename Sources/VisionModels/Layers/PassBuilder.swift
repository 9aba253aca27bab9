import Tensors

/// Records the operations of a pass in execution order, and allocates their memory.
///
/// A family's `forward` reads like the model in Python; each call allocates the output of its
/// operation and adds one step. Running the steps allocates nothing.
package final class PassBuilder {
  /// The inputs of one run of the steps.
  struct Run {
    let device: any Backend
    let images: Tensor
    let logits: Tensor
    let context: PassContext
  }

  let batch: Int
  private(set) var steps: [(Run) -> Void] = []
  private let device: any Backend
  private let pool: MemoryPool
  private let imageSize: Int

  init(_ device: any Backend, batch: Int, imageSize: Int) {
    self.device = device
    self.batch = batch
    self.imageSize = imageSize
    pool = MemoryPool(device)
  }

  /// Uninitialized memory [batch, height, width, channels].
  func allocate(height: Int, width: Int, channels: Int, batch: Int? = nil) throws -> PassMap {
    let batch = batch ?? self.batch
    let (tensor, lease) = try pool.lease(batch * height * width * channels)
    return PassMap(
      FeatureMap(tensor, batch: batch, height: height, width: width, channels: channels), lease)
  }

  private func allocate(like map: PassMap, channels: Int? = nil) throws -> PassMap {
    try allocate(
      height: map.height, width: map.width, channels: channels ?? map.channels,
      batch: map.map.batch)
  }

  private func step(_ step: @escaping (Run) -> Void) { steps.append(step) }

  // MARK: Ends

  /// The images as NHWC, or each square patch of them as one pixel [channel][y][x].
  func images(patch: Int = 1) throws -> PassMap {
    let side = imageSize / patch
    let map = try allocate(height: side, width: side, channels: 3 * patch * patch)
    let rows = map.map.rows
    step { $0.device.unfold($0.images, patch: patch, into: rows) }
    return map
  }

  /// The logits of features [batch, 1, 1, channels].
  func classify(_ features: PassMap, _ head: LinearParameters) {
    let rows = features.map.rows
    step { $0.device.linear(rows, head, .none, into: TensorView($0.logits)) }
  }

  /// Passes a feature map to observers of the pass, as [batch, pixels, channels].
  func mark(_ index: Int, _ map: PassMap) {
    let tensor = map.tensor
    step { $0.context.onBlock?(index, tensor) }
  }

  // MARK: Layers

  /// `activation(convolution(input)) + residual`, or with `activatesSum` the activation of the sum.
  func convolve(
    _ input: PassMap, _ convolution: ConvolutionParameters, _ activation: Activation = .identity,
    residual: PassMap? = nil, activatesSum: Bool = false, into target: PassMap? = nil
  ) throws -> PassMap {
    let extent = convolution.extent
    let output =
      try target
      ?? allocate(
        height: extent.outputSide(input.height), width: extent.outputSide(input.width),
        channels: extent.outputs, batch: input.map.batch)
    let epilogue = Epilogue(
      activation, residual: residual?.map.rows, activatesSum: activatesSum)
    let (from, to) = (input.map, output.map)
    step { $0.device.convolve(from, convolution, epilogue, into: to) }
    return output
  }

  /// The same for a linear layer over channels.
  func linear(
    _ input: PassMap, _ linear: LinearParameters, _ activation: Activation = .identity,
    residual: PassMap? = nil, into target: PassMap? = nil
  ) throws -> PassMap {
    let output = try target ?? allocate(like: input, channels: linear.outputs)
    let epilogue = Epilogue(activation, residual: residual?.map.rows)
    let (from, to) = (input.map.rows, output.map.rows)
    step { $0.device.linear(from, linear, epilogue, into: to) }
    return output
  }

  /// LayerNorm over channels.
  func layerNorm(_ input: PassMap, _ norm: LayerNormParameters) throws -> PassMap {
    let output = try allocate(like: input)
    let (from, to) = (input.map.rows, output.map.rows)
    step { $0.device.layerNorm(from, norm, into: to) }
    return output
  }

  /// `activation(input · scale + shift)`, channel by channel.
  func affine(
    _ input: PassMap, _ affine: (scale: Tensor, shift: Tensor), _ activation: Activation,
    into target: PassMap? = nil
  ) throws -> PassMap {
    let output = try target ?? allocate(like: input)
    let (from, to) = (input.map.rows, output.map.rows)
    step {
      $0.device.affine(from, scale: affine.scale, shift: affine.shift, activation, into: to)
    }
    return output
  }

  // MARK: Blocks of a transformer

  /// Returns `linear(norm(input))`.
  func project(
    _ input: PassMap, norm: LayerNormParameters, _ linear: LinearParameters
  ) throws -> PassMap {
    let output = try allocate(like: input, channels: linear.outputs)
    let (from, to) = (input.tensor, output.tensor)
    step { $0.device.project(from, norm: norm, linear, into: to) }
    return output
  }

  /// Adds `linear(input)` to the stream.
  func projectResidual(_ input: PassMap, _ linear: LinearParameters, onto stream: PassMap) {
    let (from, to) = (input.tensor, stream.tensor)
    step { $0.device.projectResidual(from, linear, onto: to) }
  }

  /// Adds `fc2(gelu(fc1(norm(stream))))` to the stream.
  func feedForward(_ stream: PassMap, _ parameters: FeedForwardParameters) {
    let tensor = stream.tensor
    step { $0.device.feedForward(tensor, parameters) }
  }

  /// The same for an input other than the stream.
  func feedForward(
    _ input: PassMap, _ parameters: FeedForwardParameters, onto stream: PassMap
  ) {
    let (from, to) = (input.tensor, stream.tensor)
    step { $0.device.feedForward(from, parameters, onto: to) }
  }

  // MARK: Attention

  /// Softmax attention into `output`.
  func attention(
    queries: HeadView, keys: HeadView, values: HeadView, scale: Float,
    grouping: TokenGrouping = .all, bias: Tensor? = nil, into output: HeadView
  ) {
    let operands = AttentionOperands(
      queries: queries, keys: keys, values: values, output: output, scale: scale,
      grouping: grouping, bias: bias)
    step { $0.device.attention(operands) }
  }

  /// ReLU attention, linear in the pixels, of heads [q | k | v] side by side.
  ///
  /// - Parameter isReduced: ReduceFormer's variant, with elementwise products in place of matrix
  ///   products.
  func linearAttention(
    _ qkv: PassMap, heads: Int, headDim: Int, epsilon: Float, isReduced: Bool
  ) throws -> PassMap {
    let output = try allocate(like: qkv, channels: heads * headDim)
    let parts = (0..<3).map {
      qkv.heads(from: $0 * headDim, heads, dim: headDim, stride: 3 * headDim)
    }
    let to = output.heads(heads, dim: headDim)
    step {
      if isReduced {
        $0.device.reducedAttention(
          queries: parts[0], keys: parts[1], values: parts[2], epsilon: epsilon, into: to)
      } else {
        $0.device.linearAttention(
          queries: parts[0], keys: parts[1], values: parts[2], epsilon: epsilon, into: to)
      }
    }
    return output
  }

  // MARK: Rows

  /// Returns `activation(left + right)`.
  func add(
    _ left: PassMap, _ right: PassMap, _ activation: Activation = .identity,
    into target: PassMap? = nil
  ) throws -> PassMap {
    let output = try target ?? allocate(like: left)
    let (a, b, to) = (left.map.rows, right.map.rows, output.map.rows)
    step { $0.device.add(a, b, activation, into: to) }
    return output
  }

  /// Applies the activation in place.
  func activate(_ map: PassMap, _ activation: Activation) {
    let rows = map.map.rows
    step { $0.device.activate(rows, activation, into: rows) }
  }

  /// Means over all pixels, [batch, 1, 1, channels].
  func mean(_ input: PassMap) throws -> PassMap {
    let output = try allocate(height: 1, width: 1, channels: input.channels)
    let (from, to) = (input.map, output.map.rows)
    step { $0.device.globalAveragePool(from, into: to) }
    return output
  }

  /// Multiplies the map by a gate for each image and channel, in place.
  func squeezeExcite(_ map: PassMap, _ layers: SqueezeExcite) throws {
    let squeezed = try convolve(try mean(map), layers.reduce, layers.activation)
    let gate = try convolve(squeezed, layers.expand, layers.gate)
    let (rows, gates) = (map.map.rows, gate.map.rows)
    step { $0.device.multiply(rows, gates, into: rows) }
  }

  /// 2 × 2 average pooling.
  func halve(_ input: PassMap) throws -> PassMap {
    let output = try allocate(
      height: input.height / 2, width: input.width / 2, channels: input.channels)
    let (from, to) = (input.map, output.map)
    step { $0.device.pool(from, Pooling(.average, window: 2, stride: 2), into: to) }
    return output
  }

  /// The map padded with zeros on the right and bottom, or cropped there.
  func resized(_ input: PassMap, height: Int, width: Int) throws -> PassMap {
    let output = try allocate(height: height, width: width, channels: input.channels)
    let (from, to) = (input.map, output.map)
    step { $0.device.copy(from, into: to) }
    return output
  }

  /// Each 2 × 2 square as one pixel, with the channels of its upper left, lower left, upper right
  /// and lower right pixels concatenated.
  func mergeSquares(_ input: PassMap) throws -> PassMap {
    let (height, width, c) = (input.height / 2, input.width / 2, input.channels)
    let output = try allocate(height: height, width: width, channels: 4 * c)
    for corner in 0..<4 {
      let (dy, dx) = (corner % 2, corner / 2)
      // Every second pixel of every second row: rows of pixels are images here.
      let from = FeatureMap(
        input.map.tensor, offset: (dy * input.width + dx) * c, batch: batch * height, height: 1,
        width: width, channels: c, pixelStride: 2 * c, imageStride: 2 * input.width * c)
      let to = FeatureMap(
        output.map.tensor, offset: corner * c, batch: batch * height, height: 1, width: width,
        channels: c, pixelStride: 4 * c, imageStride: width * 4 * c)
      step { $0.device.copy(from, into: to) }
    }
    return output
  }

  /// Copies rows between views of equal sizes.
  func copy(_ input: TensorView, into output: TensorView) {
    step { $0.device.copy(input, into: output) }
  }
}

/// Squeeze and excitation: a gate for each channel of an image from the means of all channels.
struct SqueezeExcite {
  let reduce: ConvolutionParameters
  let expand: ConvolutionParameters
  var activation: Activation = .relu
  var gate: Activation = .sigmoid

  /// - Parameter names: Of the two layers, under `key`.
  init(
    _ layers: LayerSource, _ key: String, channels: Int, reduced: Int,
    names: (String, String) = ("fc1", "fc2"), activation: Activation = .relu,
    gate: Activation = .sigmoid
  ) throws {
    reduce = try layers.convolution(
      "\(key).\(names.0)", ConvolutionExtent(inputs: channels, outputs: reduced, kernel: 1),
      bias: true)
    expand = try layers.convolution(
      "\(key).\(names.1)", ConvolutionExtent(inputs: reduced, outputs: channels, kernel: 1),
      bias: true)
    self.activation = activation
    self.gate = gate
  }
}
