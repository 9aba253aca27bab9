import Tensors

/// The layers of a model by their keys in timm's checkpoints, with batch norms and scales folded
/// in.
///
/// A family requests its layers once, in its model's initializer. Without a loader, the same calls
/// only list the tensors, so the tensors required of a file are exactly those that are read.
package final class LayerSource {
  let backend: any Backend
  private let loader: WeightLoader?
  private var list = WeightList()

  /// Layers with weights.
  init(_ loader: WeightLoader) {
    self.loader = loader
    backend = loader.backend
  }

  /// Layers without weights.
  init() {
    loader = nil
    backend = CountingDevice()
  }

  /// Every tensor requested so far.
  var tensors: [WeightSpecification] { list.tensors }

  /// The loader, if there are values to read.
  private var reading: WeightLoader? { backend.isDryRun ? nil : loader }

  /// A convolution [outputs, inputs / groups, kernel, kernel].
  ///
  /// - Parameters:
  ///   - norm: A batch norm after it, folded in.
  ///   - inputNorm: A batch norm before it, folded in; only for a kernel of 1.
  ///   - scale: A LayerScale [outputs] after it, folded in.
  func convolution(
    _ key: String, _ extent: ConvolutionExtent, bias: Bool = false, norm: String? = nil,
    inputNorm: String? = nil, scale: String? = nil
  ) throws -> ConvolutionParameters {
    if let inputNorm { list.batchNorm(inputNorm, extent.inputs) }
    list.convolution(key, extent, bias: bias, .fanIn)
    if let norm { list.batchNorm(norm, extent.outputs) }
    if let scale { list.add(scale, [extent.outputs], .ones) }
    guard let loader = reading else {
      return try backend.makeConvolution(weight: .empty, bias: nil, extent)
    }
    var folded = try affineLayer(loader, key, outputs: extent.outputs, bias: bias)
    if let inputNorm { folded.precede(by: try loader.affine(ofBatchNorm: inputNorm)) }
    if let norm { folded.follow(by: try loader.affine(ofBatchNorm: norm)) }
    if let scale { folded.follow(by: (try loader.values(scale), nil)) }
    return try folded.weight.withUnsafeBufferPointer { weight in
      try folded.bias.withUnsafeBufferPointer { bias in
        try backend.makeConvolution(weight: weight, bias: bias, extent)
      }
    }
  }

  /// A linear layer [outputs, inputs].
  ///
  /// - Parameters:
  ///   - inputNorm: A batch norm before it, folded in.
  ///   - scale: A LayerScale [outputs] after it, folded in.
  ///   - kernel: Kernel size in a checkpoint that stores the layer as a convolution: 1, or the size
  ///     of a patch whose values are the inputs.
  ///   - change: Modifies the weight and bias before the layer is created.
  func linear(
    _ key: String, inputs: Int, outputs: Int, bias: Bool = true, inputNorm: String? = nil,
    scale: String? = nil, kernel: Int? = nil, _ change: ((inout AffineLayer) -> Void)? = nil
  ) throws -> LinearParameters {
    if let inputNorm { list.batchNorm(inputNorm, inputs) }
    if let kernel {
      list.convolution(
        key,
        ConvolutionExtent(inputs: inputs / (kernel * kernel), outputs: outputs, kernel: kernel),
        bias: bias, .fanIn)
    } else {
      list.linear(key, inputs: inputs, outputs: outputs, bias: bias, .fanIn)
    }
    if let scale { list.add(scale, [outputs], .ones) }
    guard let loader = reading else {
      return try backend.makeLinear(weight: .empty, bias: nil, inputs: inputs, outputs: outputs)
    }
    var folded = try affineLayer(loader, key, outputs: outputs, bias: bias)
    if let inputNorm { folded.precede(by: try loader.affine(ofBatchNorm: inputNorm)) }
    if let scale { folded.follow(by: (try loader.values(scale), nil)) }
    change?(&folded)
    return try loader.linear(weight: folded.weight, bias: folded.bias)
  }

  /// A LayerNorm over channels.
  func layerNorm(_ key: String, _ width: Int, epsilon: Float) throws -> LayerNormParameters {
    list.norm(key, width)
    guard let loader = reading else {
      return LayerNormParameters(
        weight: try backend.allocate(Shape(width), .float32),
        bias: try backend.allocate(Shape(width), .float32), epsilon: epsilon)
    }
    return try loader.norm(key, epsilon: epsilon)
  }

  /// A batch norm that cannot be folded into a layer.
  func batchNorm(_ key: String, _ width: Int) throws -> (scale: Tensor, shift: Tensor) {
    list.batchNorm(key, width)
    let folded = try reading?.affine(ofBatchNorm: key)
    return (try upload(folded?.scale, Shape(width)), try upload(folded?.shift, Shape(width)))
  }

  /// The bias of the logits, float32 [heads, n, n], from a table with a value for each head and
  /// relative position of two tokens.
  ///
  /// - Parameters:
  ///   - shape: Of the table in a checkpoint.
  ///   - element: The index in the table of the value for (head, query, key).
  func attentionBias(
    _ key: String, _ shape: [Int], heads: Int, tokens: Int,
    _ element: (_ head: Int, _ query: Int, _ key: Int) -> Int
  ) throws -> Tensor {
    list.add(key, shape)
    let table = try reading?.values(key)
    return try upload(
      table.map { table in
        (0..<heads).flatMap { Self.bias(table, $0, tokens, element) }
      }, Shape(heads, tokens, tokens))
  }

  /// The same for a square grid, from a table [(2 side - 1)², heads] with a row for each relative
  /// position, as in Swin and CoAtNet.
  func relativePositionBias(_ key: String, heads: Int, side: Int) throws -> Tensor {
    let span = 2 * side - 1
    return try attentionBias(
      "\(key).relative_position_bias_table", [span * span, heads], heads: heads,
      tokens: side * side
    ) { head, query, other in
      let dy = query / side - other / side + side - 1
      let dx = query % side - other % side + side - 1
      return (dy * span + dx) * heads + head
    }
  }

  /// The same, as a tensor [1, n, n] for each head.
  func attentionBiases(
    _ key: String, _ shape: [Int], heads: Int, tokens: Int,
    _ element: (_ head: Int, _ query: Int, _ key: Int) -> Int
  ) throws -> [Tensor] {
    list.add(key, shape)
    let table = try reading?.values(key)
    return try (0..<heads).map { head in
      try upload(
        table.map { Self.bias($0, head, tokens, element) }, Shape(1, tokens, tokens))
    }
  }

  /// The logits' bias of one head, [n, n].
  private static func bias(
    _ table: [Float], _ head: Int, _ tokens: Int, _ element: (Int, Int, Int) -> Int
  ) -> [Float] {
    (0..<tokens).flatMap { query in
      (0..<tokens).map { table[element(head, query, $0)] }
    }
  }

  private func upload(_ values: [Float]?, _ shape: Shape) throws -> Tensor {
    let tensor = try backend.allocate(shape, .float32)
    values?.withUnsafeBufferPointer { backend.upload($0, to: tensor) }
    return tensor
  }

  private func affineLayer(
    _ loader: WeightLoader, _ key: String, outputs: Int, bias: Bool
  ) throws -> AffineLayer {
    AffineLayer(
      weight: try loader.values("\(key).weight"),
      bias: try bias ? loader.values("\(key).bias") : [Float](repeating: 0, count: outputs))
  }
}

/// A linear map with bias, into which other affine maps can be folded.
struct AffineLayer {
  /// [outputs, all inputs of one output].
  var weight: [Float]
  var bias: [Float]

  /// Inputs of one output.
  private var width: Int { weight.count / bias.count }

  /// Becomes `layer(x) · scale + shift`.
  mutating func follow(by affine: (scale: [Float], shift: [Float]?)) {
    let width = width
    for output in bias.indices {
      let scale = affine.scale[output]
      for index in 0..<width { weight[output * width + index] *= scale }
      bias[output] = bias[output] * scale + (affine.shift?[output] ?? 0)
    }
  }

  /// Becomes `layer(x · scale + shift)`.
  mutating func precede(by affine: (scale: [Float], shift: [Float])) {
    let width = width
    precondition(affine.scale.count == width, "a norm before a kernel with a border")
    for output in bias.indices {
      var sum: Float = 0
      for index in 0..<width {
        sum += weight[output * width + index] * affine.shift[index]
        weight[output * width + index] *= affine.scale[index]
      }
      bias[output] += sum
    }
  }
}

extension UnsafeBufferPointer<Float> {
  /// The weights for a device that computes nothing.
  static var empty: UnsafeBufferPointer<Float> { .init(start: nil, count: 0) }
}

extension ConvolutionExtent {
  /// A linear layer at every pixel.
  static func pointwise(_ inputs: Int, _ outputs: Int) -> ConvolutionExtent {
    ConvolutionExtent(inputs: inputs, outputs: outputs, kernel: 1)
  }

  /// A depthwise convolution.
  static func depthwise(_ channels: Int, kernel: Int, stride: Int = 1) -> ConvolutionExtent {
    ConvolutionExtent(
      inputs: channels, outputs: channels, kernel: kernel, stride: stride, groups: channels)
  }
}
