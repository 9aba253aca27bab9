import Tensors

/// Convolutions, pooling, elementwise operations and copying of rows, with the kernels in
/// `Kernels/convolution*.cu` and `Kernels/pictures.cu`.
extension CUDABackend {
  /// A dense or grouped weight is stored as `[outputs, kernel, kernel, channels]` with rows padded
  /// to a multiple of eight values, a depthwise one as `[kernel, kernel, channels]`.
  package func makeConvolution(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?,
    _ extent: ConvolutionExtent
  ) throws(TensorsError) -> ConvolutionParameters {
    precondition(weight.count == extent.weightCount, "the weight has another size than the layer")
    let taps = extent.kernel * extent.kernel
    let channels = extent.inputs / extent.groups
    let stride = extent.weightStride
    let rows = extent.isDepthwise ? taps : extent.outputs
    var values = [Float](repeating: 0, count: rows * stride)
    for output in 0..<extent.outputs {
      for channel in 0..<channels {
        for tap in 0..<taps {
          let value = weight[(output * channels + channel) * taps + tap]
          if extent.isDepthwise {
            values[tap * stride + output] = value
          } else {
            values[output * stride + tap * channels + channel] = value
          }
        }
      }
    }
    let stored = try allocate(Shape(rows, stride), activationType)
    values.withUnsafeBufferPointer { upload($0, to: stored) }
    return ConvolutionParameters(
      weight: stored, bias: try makeBias(bias, outputs: extent.outputs), extent: extent)
  }

  package func convolve(
    _ input: FeatureMap, _ convolution: ConvolutionParameters, _ epilogue: Epilogue,
    into output: FeatureMap
  ) {
    let extent = convolution.extent
    guard isOfActivations(input.tensor, output.tensor, epilogue.residual?.tensor) else { return }
    if extent.isPointwise, input.hasNoGaps, output.hasNoGaps {
      let layer = LinearParameters(
        weight: convolution.weight, bias: convolution.bias, inputs: extent.inputs,
        outputs: extent.outputs)
      return linear(input.rows, layer, epilogue, into: output.rows)
    }
    let picture = Picture(input, output, extent)
    let pixels = output.batch * output.pixels
    if extent.isDepthwise {
      return launchConvolution(
        "convolve_depthwise", picture, input.start, convolution, epilogue, output.start, pixels,
        grid: (Self.blocks(pixels * extent.outputs, 256), 1, 1), block: 256)
    }
    if extent.groups == 1, canGather(input.start, extent.inputs, picture) {
      return launchTensorCores(
        picture, input.start, convolution.weight.storage.address, extent.weightStride,
        convolution.bias, epilogue, output.start, pixels)
    }
    launchConvolution(
      "convolve_plain", picture, input.start, convolution, epilogue, output.start, pixels,
      grid: (
        Self.blocks(pixels, 64), Self.blocks(extent.outputs / extent.groups, 64), extent.groups
      ), block: 256, shared: 2 * 4 * 64 * 17)
  }

  /// A linear layer through cuBLASLt or one of our kernels, depending on the epilogue and on which
  /// is faster.
  package func linear(
    _ input: TensorView, _ linear: LinearParameters, _ epilogue: Epilogue, into output: TensorView
  ) {
    let hasEpilogue = epilogue.activation != .identity || epilogue.residual != nil
    let isDense = output.stride == output.width
    if isDense, !hasEpilogue {
      return multiply(
        linear, input.start, rows: output.rows, into: output.start, type: output.tensor.dtype,
        inputStride: input.stride)
    }
    guard isOfActivations(input.tensor, output.tensor, epilogue.residual?.tensor) else { return }
    let extent = ConvolutionExtent(inputs: linear.inputs, outputs: linear.outputs, kernel: 1)
    let picture = Picture(rows: input, output, extent)
    let isOwn = epilogue.residual.map { $0.start == output.start } ?? false
    if canGather(input.start, linear.inputs, picture), refusedWays["gemm"] == nil {
      let own = ownGEMMs(rows: output.rows, outputs: linear.outputs) { [self] plan in
        launchGEMM(
          plan, input.start, stride: input.stride, rows: output.rows, linear, epilogue,
          into: output.start, outputStride: output.stride)
      }
      // An epilogue that adds to its own output cannot be repeated in a trial.
      guard isDense, !isOwn else { return own[0].run() }
      let library = Way(name: "library") { [self] in
        multiply(
          linear, input.start, rows: output.rows, into: output.start, type: output.tensor.dtype,
          inputStride: input.stride)
        combineEpilogue(epilogue, into: output)
      }
      return runFastest(
        Self.name(epilogue), rows: output.rows, linear, own + [library], into: output.start)
    }
    let canAccumulate = epilogue.activation == .identity || epilogue.activatesSum
    guard isDense, !isOwn || canAccumulate && epilogue.residual?.stride == output.stride else {
      return launchConvolution(
        "convolve_plain", picture, input.start,
        ConvolutionParameters(weight: linear.weight, bias: linear.bias, extent: extent), epilogue,
        output.start, output.rows,
        grid: (Self.blocks(output.rows, 64), Self.blocks(linear.outputs, 64), 1), block: 256,
        shared: 2 * 4 * 64 * 17)
    }
    multiply(
      linear, input.start, rows: output.rows, into: output.start, type: output.tensor.dtype,
      accumulates: isOwn, inputStride: input.stride)
    if isOwn {
      if epilogue.activation != .identity { activate(output, epilogue.activation, into: output) }
    } else {
      combineEpilogue(epilogue, into: output)
    }
  }

  /// The name of the operation with its epilogue, for the trial cache.
  private static func name(_ epilogue: Epilogue) -> String {
    "linear+\(epilogue.activation.rawValue)"
      + (epilogue.residual == nil ? "" : epilogue.activatesSum ? "-of-sum" : "+residual")
  }

  /// Applies an epilogue as a separate kernel.
  private func combineEpilogue(_ epilogue: Epilogue, into output: TensorView) {
    combine(
      output, epilogue.residual,
      epilogue.residual == nil ? .first : epilogue.activatesSum ? .sum : .activatedSum,
      epilogue.activation, into: output)
  }

  // MARK: Launching GEMM

  /// Whether eight consecutive values are 16 aligned bytes, as the kernel's asynchronous copies
  /// require.
  private func canGather(
    _ start: UnsafeMutableRawPointer, _ channels: Int, _ picture: Picture
  ) -> Bool {
    usesTensorCores && channels % 8 == 0 && picture.pixelStride % 8 == 0
      && picture.imageStride % 8 == 0 && UInt(bitPattern: start) % 16 == 0
  }

  func launchTensorCores(
    _ picture: Picture, _ input: UnsafeMutableRawPointer, _ weight: UnsafeMutableRawPointer,
    _ weightStride: Int, _ bias: Tensor, _ epilogue: Epilogue, _ output: UnsafeMutableRawPointer,
    _ pixels: Int
  ) {
    let plan = ConvolutionLaunch(
      pixels: pixels, outputs: picture.outputs, multiprocessors: card.facts.multiprocessors)
    launch(
      plan.kernel + suffix, grid: plan.grid, block: plan.block, shared: plan.shared,
      arguments: arguments(
        picture, input, weight, weightStride, bias, epilogue, output, pixels))
  }

  private func launchConvolution(
    _ kernel: String, _ picture: Picture, _ input: UnsafeMutableRawPointer,
    _ convolution: ConvolutionParameters, _ epilogue: Epilogue, _ output: UnsafeMutableRawPointer,
    _ pixels: Int, grid: (Int, Int, Int), block: Int, shared: Int = 0
  ) {
    launch(
      kernel + suffix, grid: grid, block: block, shared: shared,
      arguments: arguments(
        picture, input, convolution.weight.storage.address, convolution.extent.weightStride,
        convolution.bias, epilogue, output, pixels))
  }

  private func arguments(
    _ picture: Picture, _ input: UnsafeMutableRawPointer, _ weight: UnsafeMutableRawPointer,
    _ weightStride: Int, _ bias: Tensor, _ epilogue: Epilogue, _ output: UnsafeMutableRawPointer,
    _ pixels: Int
  ) -> [KernelArgument] {
    [
      .address(input), .address(weight), .int(weightStride), .tensor(bias),
      .address(epilogue.residual?.start), .int(epilogue.residual?.stride ?? 0), .address(output),
      .int(pixels), .int(mode(epilogue.activation)), .int(epilogue.activatesSum ? 1 : 0),
    ] + picture.arguments
  }

  /// Whether all tensors have this backend's activation type; otherwise reports a failure.
  func isOfActivations(_ tensors: Tensor?...) -> Bool {
    guard let other = tensors.compactMap({ $0 }).first(where: { $0.dtype != activationType }) else {
      return true
    }
    card.fail(
      "an operation on feature maps",
      TensorsError.deviceFailed(
        "a tensor is \(other.dtype.rawValue); activations are \(activationType.rawValue)"))
    return false
  }

  // MARK: Norms and elementwise

  package func layerNorm(
    _ input: TensorView, _ norm: LayerNormParameters, into output: TensorView
  ) {
    guard isOfActivations(input.tensor, output.tensor) else { return }
    launch(
      "norm_rows" + suffix, grid: (Self.blocks(output.rows, 4), 1, 1), block: 128,
      .address(input.start), .int(input.stride), .tensor(norm.weight), .tensor(norm.bias),
      .float(norm.epsilon), .address(output.start), .int(output.stride), .int(output.rows),
      .int(output.width))
  }

  package func affine(
    _ input: TensorView, scale: Tensor, shift: Tensor, _ activation: Activation,
    into output: TensorView
  ) {
    guard isOfActivations(input.tensor, output.tensor) else { return }
    launch(
      "affine" + suffix, grid: (Self.blocks(output.count, 256), 1, 1), block: 256,
      .address(input.start), .int(input.stride), .tensor(scale), .tensor(shift),
      .address(output.start), .int(output.stride), .int(output.rows), .int(output.width),
      .int(mode(activation)))
  }

  /// The operation of `combine` in pictures.cu, where f is the activation.
  private enum Combination: Int {
    /// f(a), f(a + b), a b, f(a) + b
    case first, sum, product, activatedSum
  }

  private func combine(
    _ left: TensorView, _ right: TensorView?, _ combination: Combination,
    _ activation: Activation, into output: TensorView
  ) {
    guard isOfActivations(left.tensor, right?.tensor, output.tensor) else { return }
    let repeats = right.map { max(1, output.rows / max(1, $0.rows)) } ?? 1
    launch(
      "combine" + suffix, grid: (Self.blocks(output.count, 256), 1, 1), block: 256,
      .address(left.start), .int(left.stride), .address(right?.start), .int(right?.stride ?? 0),
      .int(repeats), .address(output.start), .int(output.stride), .int(output.rows),
      .int(output.width), .int(combination.rawValue), .int(mode(activation)))
  }

  package func add(
    _ left: TensorView, _ right: TensorView, _ activation: Activation, into output: TensorView
  ) { combine(left, right, .sum, activation, into: output) }

  package func multiply(_ left: TensorView, _ right: TensorView, into output: TensorView) {
    combine(left, right, .product, .identity, into: output)
  }

  package func activate(_ input: TensorView, _ activation: Activation, into output: TensorView) {
    combine(input, nil, .first, activation, into: output)
  }

  package func copy(_ input: TensorView, into output: TensorView) {
    combine(input, nil, .first, .identity, into: output)
  }

  // MARK: Pooling and moving rows

  package func pool(_ input: FeatureMap, _ pooling: Pooling, into output: FeatureMap) {
    guard isOfActivations(input.tensor, output.tensor) else { return }
    let extent = ConvolutionExtent(
      inputs: input.channels, outputs: output.channels, kernel: pooling.window,
      stride: pooling.stride, padding: pooling.padding, groups: input.channels)
    launch(
      "pool" + suffix, grid: (Self.blocks(output.count, 256), 1, 1), block: 256,
      arguments: [
        .address(input.start), .address(output.start), .int(output.batch * output.pixels),
        .int(pooling.kind == .maximum ? 1 : 0), .int(pooling.countsPadding ? 1 : 0),
      ] + Picture(input, output, extent).arguments)
  }

  package func globalAveragePool(_ input: FeatureMap, into output: TensorView) {
    guard isOfActivations(input.tensor, output.tensor) else { return }
    launch(
      "pool_all" + suffix, grid: (Self.blocks(input.channels, 32), input.batch, 1), block: 256,
      shared: 4 * 256, .address(input.start), .int(input.pixelStride), .int(input.imageStride),
      .int(input.pixels), .int(input.channels), .address(output.start), .int(output.stride))
  }

  package func gather(_ input: TensorView, _ indices: Tensor, into output: TensorView) {
    guard isOfActivations(input.tensor, output.tensor) else { return }
    let images = indices.shape[0]
    launch(
      "gather_rows" + suffix, grid: (Self.blocks(output.count, 256), 1, 1), block: 256,
      .address(input.start), .int(input.stride), .int(input.rows / max(1, images)),
      .tensor(indices), .address(output.start), .int(output.stride),
      .int(output.rows / max(1, images)), .int(output.rows), .int(output.width))
  }

  package func unfold(_ images: Tensor, patch: Int, into rows: TensorView) {
    guard isOfActivations(rows.tensor) else { return }
    launch(
      "unfold" + suffix, grid: (Self.blocks(rows.rows * 3 * patch * patch, 256), 1, 1), block: 256,
      .tensor(images), .address(rows.start), .int(rows.stride), .int(rows.rows),
      .int(images.shape[3]), .int(patch))
  }
}

/// The launch configuration of a convolution on tensor cores.
struct ConvolutionLaunch: Equatable {
  let kernel: String
  let grid: (Int, Int, Int)
  let block: Int
  let shared: Int

  static func == (left: ConvolutionLaunch, right: ConvolutionLaunch) -> Bool {
    left.kernel == right.kernel && left.grid == right.grid
  }

  /// Tiles of 128 x 128 read half as much as tiles of 64 x 64, but are too few to fill the GPU for
  /// small sizes.
  init(pixels: Int, outputs: Int, multiprocessors: Int) {
    let blocks = { (side: Int) in
      (CUDABackend.blocks(pixels, side), CUDABackend.blocks(outputs, side), 1)
    }
    let isLarge = blocks(128).0 * blocks(128).1 >= multiprocessors
    let side = isLarge ? 128 : 64
    kernel = isLarge ? "convolve_mma_large" : "convolve_mma_small"
    grid = blocks(side)
    block = isLarge ? 512 : 128
    // Two stages of both operands, with rows of 32 values and 8 of padding, two bytes each.
    shared = 2 * 2 * side * 40 * 2
  }
}

/// Sizes and strides of a convolution, in the order of the kernels' parameters.
struct Picture {
  let pixelStride: Int
  let imageStride: Int
  let outputs: Int
  let arguments: [KernelArgument]

  init(_ input: FeatureMap, _ output: FeatureMap, _ extent: ConvolutionExtent) {
    (pixelStride, imageStride, outputs) = (input.pixelStride, input.imageStride, extent.outputs)
    arguments = [
      input.height, input.width, input.channels, input.pixelStride, input.imageStride,
      output.height, output.width, output.channels, output.pixelStride, output.imageStride,
      extent.kernel, extent.stride, extent.padding, extent.groups,
    ].map(KernelArgument.int)
  }

  /// Contiguous rows as the pixels of one image.
  init(rows: Int, _ extent: ConvolutionExtent) {
    (pixelStride, imageStride, outputs) = (extent.inputs, 0, extent.outputs)
    arguments = [
      1, rows, extent.inputs, extent.inputs, 0, 1, rows, extent.outputs, extent.outputs, 0, 1, 1,
      0, 1,
    ].map(KernelArgument.int)
  }

  /// Rows as the pixels of one image.
  init(rows input: TensorView, _ output: TensorView, _ extent: ConvolutionExtent) {
    (pixelStride, imageStride, outputs) = (input.stride, 0, extent.outputs)
    arguments = [
      1, input.rows, input.width, input.stride, 0, 1, output.rows, output.width, output.stride, 0,
      1, 1, 0, 1,
    ].map(KernelArgument.int)
  }
}

extension ConvolutionExtent {
  fileprivate var isDepthwise: Bool { groups == inputs && groups == outputs && groups > 1 }
  fileprivate var isPointwise: Bool { kernel == 1 && stride == 1 && padding == 0 && groups == 1 }
  /// Elements from one row of the stored weight to the next.
  fileprivate var weightStride: Int {
    isDepthwise ? outputs : CUDABackend.padded(inputs / groups * kernel * kernel)
  }
}

extension TensorView {
  /// The address of the first row on the GPU.
  var start: UnsafeMutableRawPointer { tensor.storage.address + offset * tensor.dtype.byteCount }
}

extension FeatureMap {
  /// The address of the first pixel on the GPU.
  var start: UnsafeMutableRawPointer { tensor.storage.address + offset * tensor.dtype.byteCount }
  /// Whether the pixels of all images are evenly spaced.
  fileprivate var hasNoGaps: Bool { batch == 1 || imageStride == pixels * pixelStride }
}
