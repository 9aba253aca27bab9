import Tensors
import TokenReduction

/// Brings a model's tensors to the device, one at a time, in the form that the forward pass reads.
package struct WeightLoader {
  let reader: any WeightReader
  package let backend: any Backend
  private let specifications: [String: WeightSpecification]

  init(reader: any WeightReader, backend: any Backend, expected: [WeightSpecification]) {
    self.reader = reader
    self.backend = backend
    specifications = Dictionary(uniqueKeysWithValues: expected.map { ($0.key, $0) })
  }

  /// An upper bound of what the weights take on a device.
  static func bytes(_ tensors: [WeightSpecification], _ backend: any Backend) -> Int {
    tensors.reduce(0) { sum, tensor in
      // A matrix is of the activations' type, its rows padded to eight; a vector may be there in
      // both types.
      let isMatrix = tensor.shape.count > 1 && tensor.key.hasSuffix(".weight")
      let bytes =
        isMatrix
        ? (tensor.count + 8 * tensor.shape[0]) * backend.activationType.byteCount
        : 8 * tensor.count
      return sum + bytes + 1024
    }
  }

  /// The host's copy of a tensor.
  package func values(_ key: String) throws -> [Float] {
    try reader.values(specification(key))
  }

  /// The host's copy of a tensor that a method brings.
  ///
  /// - Throws: `VisionModelsError.noMethodTensor`.
  func values(of tensor: MethodTensor) throws -> [Float] {
    let initial: WeightSpecification.Initial =
      switch tensor.initial {
      case .normal: .normal
      case .zeros: .zeros
      case .ones: .ones
      }
    let specification = WeightSpecification(tensor.key, tensor.shape, initial)
    return try tensor.isDrawn
      ? RandomWeights(seed: 0).values(specification) : reader.methodValues(specification)
  }

  /// The shape of a tensor, which a file may have its own.
  package func shape(_ key: String) -> [Int] { reader.shape(specification(key)) }

  /// float32 values on the device, there in the type that is named.
  package func upload(
    _ values: [Float], _ shape: Shape, _ type: DType = .float32
  ) throws -> Tensor {
    let tensor = try backend.allocate(shape, type)
    values.withUnsafeBufferPointer { backend.upload($0, to: tensor) }
    return tensor
  }

  package func tensor(_ key: String) throws -> Tensor {
    let values = try values(key)
    return try upload(values, Shape(specification(key).shape))
  }

  /// A linear layer; with `layerScale` its outputs are multiplied by that tensor, folded into
  /// weight and bias.
  package func linear(
    _ key: String, bias: Bool = true, layerScale: String? = nil
  ) throws -> LinearParameters {
    let outputs = specification("\(key).weight").shape[0]
    var values = try bias ? values("\(key).bias") : [Float](repeating: 0, count: outputs)
    // A dry run has nothing to fold.
    if let layerScale, !backend.isDryRun {
      var weight = try self.values("\(key).weight")
      let scale = try self.values(layerScale)
      let width = weight.count / scale.count
      for row in 0..<scale.count {
        for column in 0..<width { weight[row * width + column] *= scale[row] }
        values[row] *= scale[row]
      }
      return try linear(weight: weight, bias: values)
    }
    return try reader.withValues(specification("\(key).weight")) { try linear($0, values) }
  }

  /// A linear layer from a weight [outputs, inputs] and bias [outputs] that a family has worked
  /// out.
  package func linear(weight: [Float], bias: [Float]) throws -> LinearParameters {
    try weight.withUnsafeBufferPointer { try linear($0, bias) }
  }

  private func linear(
    _ weight: UnsafeBufferPointer<Float>, _ bias: [Float]
  ) throws -> LinearParameters {
    try bias.withUnsafeBufferPointer { bias in
      try backend.makeLinear(
        weight: weight, bias: bias, inputs: weight.count / bias.count, outputs: bias.count)
    }
  }

  /// A convolution, with the batch norm behind it folded into weight and bias where one is named.
  package func convolution(
    _ key: String, _ extent: ConvolutionExtent, bias: Bool = true, batchNorm: String? = nil,
    epsilon: Float = 1e-5
  ) throws -> ConvolutionParameters {
    var shift = try bias ? values("\(key).bias") : [Float](repeating: 0, count: extent.outputs)
    var weight = try values("\(key).weight")
    if let batchNorm {
      let folded = try affine(ofBatchNorm: batchNorm, epsilon: epsilon)
      let width = weight.count / extent.outputs
      for output in 0..<extent.outputs {
        for index in 0..<width { weight[output * width + index] *= folded.scale[output] }
        shift[output] = shift[output] * folded.scale[output] + folded.shift[output]
      }
    }
    return try weight.withUnsafeBufferPointer { weight in
      try shift.withUnsafeBufferPointer { shift in
        try backend.makeConvolution(weight: weight, bias: shift, extent)
      }
    }
  }

  /// What a batch norm does in evaluation: `x · scale + shift`.
  package func affine(
    ofBatchNorm key: String, epsilon: Float = 1e-5
  ) throws -> (scale: [Float], shift: [Float]) {
    let (weight, bias) = (try values("\(key).weight"), try values("\(key).bias"))
    let (mean, variance) = (try values("\(key).running_mean"), try values("\(key).running_var"))
    let scale = zip(weight, variance).map { $0 / ($1 + epsilon).squareRoot() }
    return (scale, zip(zip(bias, mean), scale).map { $0.0 - $0.1 * $1 })
  }

  package func norm(_ key: String, epsilon: Float) throws -> LayerNormParameters {
    LayerNormParameters(
      weight: try tensor("\(key).weight"), bias: try tensor("\(key).bias"), epsilon: epsilon)
  }

  func specification(_ key: String) -> WeightSpecification {
    guard let specification = specifications[key] else {
      preconditionFailure("\(key) is not a tensor of this architecture")
    }
    return specification
  }
}
