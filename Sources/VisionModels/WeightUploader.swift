import Tensors

/// Brings a model's tensors to the device, one at a time, in the form that the forward pass reads.
struct WeightUploader {
  let reader: any WeightReader
  let backend: any Backend
  let specifications: [String: WeightSpecification]

  /// LayerNorm's epsilon in every model of the family.
  private static let epsilon: Float = 1e-6

  func tensor(_ key: String) throws -> Tensor {
    let values = try host(key)
    return try upload(values, Shape(specifications[key]?.shape ?? [values.count]))
  }

  /// A linear layer; with `layerScale` its outputs are multiplied by that tensor, folded into weight and bias.
  func linear(_ key: String, layerScale: String? = nil) throws -> LinearParameters {
    var bias = try host("\(key).bias")
    if let layerScale {
      var weight = try host("\(key).weight")
      let scale = try host(layerScale)
      let width = weight.count / scale.count
      for row in 0..<scale.count {
        for column in 0..<width { weight[row * width + column] *= scale[row] }
        bias[row] *= scale[row]
      }
      return try weight.withUnsafeBufferPointer { try linear($0, bias) }
    }
    return try reader.withValues(specification("\(key).weight")) { try linear($0, bias) }
  }

  private func linear(
    _ weight: UnsafeBufferPointer<Float>, _ bias: [Float]
  ) throws -> LinearParameters {
    try bias.withUnsafeBufferPointer { bias in
      try backend.makeLinear(
        weight: weight, bias: bias, inputs: weight.count / bias.count, outputs: bias.count)
    }
  }

  func norm(_ key: String) throws -> LayerNormParameters {
    LayerNormParameters(
      weight: try tensor("\(key).weight"), bias: try tensor("\(key).bias"),
      epsilon: Self.epsilon)
  }

  /// The two classifiers side by side over [class | distillation], halved: their mean in one product.
  func distilledHead(_ architecture: ViTArchitecture) throws -> LinearParameters {
    let width = architecture.embedDim
    let classes = architecture.numClasses
    let first = try host("head.weight")
    let second = try host("head_dist.weight")
    var weight = [Float](repeating: 0, count: 2 * width * classes)
    for row in 0..<classes {
      for column in 0..<width {
        weight[row * 2 * width + column] = first[row * width + column] / 2
        weight[row * 2 * width + width + column] = second[row * width + column] / 2
      }
    }
    let bias = zip(try host("head.bias"), try host("head_dist.bias")).map { ($0 + $1) / 2 }
    return try weight.withUnsafeBufferPointer { try linear($0, bias) }
  }

  /// The patch convolution, positions at the model's grid, and the prefix tokens with theirs added.
  func embedding(_ a: ViTArchitecture) throws -> PatchEmbedding {
    let width = a.embedDim
    let positions = try host("pos_embed")
    let positioned = VisionTransformer.positionedPrefix(a)
    var prefix = try host("cls_token")
    if a.distilled { prefix += try host("dist_token") }
    if a.registers > 0 { prefix += try host("reg_token") }
    for index in 0..<positioned * width { prefix[index] += positions[index] }
    let grid = PositionEmbedding.resample(
      Array(positions[(positioned * width)...]), side: reader.positionGrid, width: width,
      rows: a.grid, columns: a.grid, interpolation: a.positionInterpolation)
    return PatchEmbedding(
      linear: try linear("patch_embed.proj"), patchSize: a.patchSize,
      positions: try upload(grid, Shape(a.patches, width)),
      prefix: try upload(prefix, Shape(a.prefixTokens, width)))
  }

  private func host(_ key: String) throws -> [Float] {
    try reader.values(specification(key))
  }

  private func specification(_ key: String) -> WeightSpecification {
    guard let specification = specifications[key] else {
      preconditionFailure("\(key) is not a tensor of this architecture")
    }
    return specification
  }

  private func upload(_ values: [Float], _ shape: Shape) throws -> Tensor {
    let tensor = try backend.allocate(shape, .float32)
    values.withUnsafeBufferPointer { backend.upload($0, to: tensor) }
    return tensor
  }
}
