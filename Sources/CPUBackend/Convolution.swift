import CKernels
import Tensors

/// Convolutions and pooling on the kernels of `convolution.h`.
extension CPUBackend {
  /// A depthwise weight is stored as `[kernel, kernel, channels]`; any other is packed in panels
  /// for each group, with its bias padded with zeros to whole panels.
  package func makeConvolution(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?,
    _ extent: ConvolutionExtent
  ) throws(TensorsError) -> ConvolutionParameters {
    precondition(weight.count == extent.weightCount, "the weight has another size than the layer")
    var shape = lab_conv_shape(extent)
    if extent.isDepthwise {
      let stored = try allocate(Shape(extent.weightCount), .float32)
      lab_pack_depthwise(&shape, weight.baseAddress, stored.floats)
      let storedBias = try allocate(Shape(extent.outputs), .float32)
      storedBias.floats.update(repeating: 0, count: extent.outputs)
      if let bias { upload(bias, to: storedBias) }
      return ConvolutionParameters(weight: stored, bias: storedBias, extent: extent)
    }
    let packed = try allocate(Shape(lab_convolution_weight_count(&shape)), .float32)
    let packedBias = try allocate(Shape(lab_convolution_bias_count(&shape)), .float32)
    let transposed = try allocate(Shape(extent.weightCount / extent.groups), .float32)
    lab_pack_convolution(
      &shape, weight.baseAddress, bias?.baseAddress, packed.floats, packedBias.floats,
      transposed.floats)
    return ConvolutionParameters(weight: packed, bias: packedBias, extent: extent)
  }

  package func convolve(
    _ input: FeatureMap, _ convolution: ConvolutionParameters, _ epilogue: Epilogue,
    into output: FeatureMap
  ) {
    var shape = lab_conv_shape(convolution.extent)
    shape.setSizes(input, output)
    let epilogue = lab_epilogue(epilogue, bias: convolution.bias)
    if convolution.extent.isDepthwise {
      convolveDepthwise(
        shape, input.floats, convolution.weight.floats, epilogue, into: output.floats)
    } else {
      convolve(shape, input.floats, convolution.weight.floats, epilogue, into: output.floats)
    }
  }

  /// Rows are the pixels of one image: a linear layer is a 1 x 1 convolution and has the same
  /// packed layout.
  func convolveRows(
    _ input: TensorView, _ linear: LinearParameters, _ epilogue: Epilogue, into output: TensorView
  ) {
    precondition(linearGEMM == .packed, "the weight has the layout of another engine")
    var shape = lab_conv_shape(
      ConvolutionExtent(inputs: linear.inputs, outputs: linear.outputs, kernel: 1))
    (shape.images, shape.height, shape.out_height) = (1, 1, 1)
    (shape.width, shape.out_width) = (output.rows, output.rows)
    (shape.in_stride, shape.out_stride) = (input.stride, output.stride)
    convolve(
      shape, input.floats, linear.weight.floats, lab_epilogue(epilogue, bias: linear.bias),
      into: output.floats)
  }

  private func convolve(
    _ shape: lab_conv_shape, _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
    _ epilogue: lab_epilogue, into output: UnsafeMutablePointer<Float>
  ) {
    var shape = shape
    let isSmall = shape.macs < Self.minMACsToSplit
    var plan = lab_plan_convolution(&shape, Int32(isSmall ? 1 : threads))
    reserveKernelScratch(plan.scratch_count)
    if isSmall {
      lab_convolve(
        &shape, &plan, input, weight, epilogue, output, 0, plan.tasks, scratch[0].kernels.floats)
      return
    }
    run(
      ConvolutionRegion(
        backend: self, shape: shape, plan: plan, input: input, weight: weight,
        epilogue: epilogue, output: output)
    ) { ConvolutionRegion.enter($0, $1) }
  }

  private func convolveDepthwise(
    _ shape: lab_conv_shape, _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
    _ epilogue: lab_epilogue, into output: UnsafeMutablePointer<Float>
  ) {
    var shape = shape
    let isSmall = shape.macs < Self.minMACsToSplit
    var plan = lab_plan_depthwise(&shape, Int32(isSmall ? 1 : threads))
    if isSmall {
      lab_convolve_depthwise(&shape, &plan, input, weight, epilogue, output, 0, plan.tasks)
      return
    }
    run(
      DepthwiseRegion(
        backend: self, shape: shape, plan: plan, input: input, weight: weight,
        epilogue: epilogue, output: output)
    ) { DepthwiseRegion.enter($0, $1) }
  }

  package func pool(_ input: FeatureMap, _ pooling: Pooling, into output: FeatureMap) {
    var shape = lab_conv_shape(
      ConvolutionExtent(
        inputs: input.channels, outputs: output.channels, kernel: pooling.window,
        stride: pooling.stride, padding: pooling.padding, groups: input.channels))
    shape.setSizes(input, output)
    run(
      PoolingRegion(
        backend: self, shape: shape, pooling: pooling, input: input.floats,
        output: output.floats)
    ) { PoolingRegion.enter($0, $1) }
  }

  package func globalAveragePool(_ input: FeatureMap, into output: TensorView) {
    run(GlobalPoolingRegion(backend: self, input: input, output: output)) {
      GlobalPoolingRegion.enter($0, $1)
    }
  }

  package func copy(_ input: FeatureMap, into output: FeatureMap) {
    let region = CopyRegion(backend: self, input: input, output: output)
    let lines = output.batch * output.height
    guard output.count >= Self.minFloatsToSplit else { return region.run(0..<lines) }
    run(region) { CopyRegion.enter($0, $1) }
  }

  package func unfold(_ images: Tensor, patch: Int, into rows: TensorView) {
    run(UnfoldRegion(backend: self, images: images, patch: patch, rows: rows)) {
      UnfoldRegion.enter($0, $1)
    }
  }

  /// With fewer multiply-adds (about a microsecond), waking the other workers takes longer than the
  /// work.
  private static var minMACsToSplit: Int { 50_000 }

  /// Enlarges every worker's kernel scratch to `count` floats if needed, which happens only in a
  /// model's first pass.
  func reserveKernelScratch(_ count: Int) {
    guard scratch[0].kernels.shape.count < count else { return }
    Self.growing { () throws(TensorsError) in
      for worker in 0..<threads { try scratch[worker].growKernelScratch(count) }
    }
  }
}

extension ConvolutionExtent {
  var isDepthwise: Bool { groups == inputs && groups == outputs && groups > 1 }
}

extension lab_conv_shape {
  /// The layer's parameters; sizes and strides are those of one pixel until `setSizes` is called.
  init(_ extent: ConvolutionExtent) {
    self.init()
    (images, height, width, out_height, out_width) = (1, 1, 1, 1, 1)
    (channels, out_channels, groups) = (extent.inputs, extent.outputs, extent.groups)
    (kernel_height, kernel_width, stride) = (extent.kernel, extent.kernel, extent.stride)
    (pad_top, pad_left) = (extent.padding, extent.padding)
    (in_stride, out_stride) = (extent.inputs, extent.outputs)
  }

  mutating func setSizes(_ input: FeatureMap, _ output: FeatureMap) {
    images = input.batch
    (height, width, in_stride) = (input.height, input.width, input.pixelStride)
    in_image = input.imageStride
    (out_height, out_width, out_stride) = (output.height, output.width, output.pixelStride)
    out_image = output.imageStride
  }

  var macs: Int {
    images * out_height * out_width * out_channels * (channels / groups) * kernel_height
      * kernel_width
  }
}

extension lab_epilogue {
  init(_ epilogue: Epilogue, bias: Tensor) {
    self.init(
      bias: bias.floats, activation: Int32(epilogue.activation.kernelMode),
      residual: epilogue.residual.map { UnsafePointer($0.floats) },
      residual_stride: epilogue.residual?.stride ?? 0, activates_sum: epilogue.activatesSum)
  }
}

private struct ConvolutionRegion: ParallelRegion {
  let backend: CPUBackend
  let shape: lab_conv_shape
  let plan: lab_convolution_plan
  let input: UnsafePointer<Float>
  let weight: UnsafePointer<Float>
  let epilogue: lab_epilogue
  let output: UnsafeMutablePointer<Float>

  func run(worker: Int) {
    var (shape, plan) = (shape, plan)
    let scratch = backend.scratch[worker].kernels.floats
    while let task = backend.nextTask(below: plan.tasks, worker: worker) {
      lab_convolve(&shape, &plan, input, weight, epilogue, output, task, task + 1, scratch)
    }
  }
}

private struct DepthwiseRegion: ParallelRegion {
  let backend: CPUBackend
  let shape: lab_conv_shape
  let plan: lab_depthwise_plan
  let input: UnsafePointer<Float>
  let weight: UnsafePointer<Float>
  let epilogue: lab_epilogue
  let output: UnsafeMutablePointer<Float>

  func run(worker: Int) {
    var (shape, plan) = (shape, plan)
    while let task = backend.nextTask(below: plan.tasks, worker: worker) {
      lab_convolve_depthwise(&shape, &plan, input, weight, epilogue, output, task, task + 1)
    }
  }
}

private struct PoolingRegion: ParallelRegion {
  let backend: CPUBackend
  let shape: lab_conv_shape
  let pooling: Pooling
  let input: UnsafePointer<Float>
  let output: UnsafeMutablePointer<Float>

  func run(worker: Int) {
    var shape = shape
    let rows = backend.share(of: lab_pooling_tasks(&shape), worker: worker)
    switch pooling.kind {
    case .maximum: lab_max_pool(&shape, input, output, rows.lowerBound, rows.upperBound)
    case .average:
      lab_average_pool(
        &shape, pooling.countsPadding, input, output, rows.lowerBound, rows.upperBound)
    }
  }
}

private struct GlobalPoolingRegion: ParallelRegion {
  let backend: CPUBackend
  let input: FeatureMap
  let output: TensorView

  func run(worker: Int) {
    let tasks = lab_global_mean_tasks(input.batch, input.channels)
    let own = backend.share(of: tasks, worker: worker)
    lab_global_mean(
      input.floats, input.pixels, input.channels, input.pixelStride, input.imageStride,
      output.floats, output.stride, own.lowerBound, own.upperBound)
  }
}

/// Tasks are rows of pixels of the output.
private struct CopyRegion: ParallelRegion {
  let backend: CPUBackend
  let input: FeatureMap
  let output: FeatureMap

  func run(worker: Int) { run(backend.share(of: output.batch * output.height, worker: worker)) }

  func run(_ lines: Range<Int>) {
    let width = min(input.width, output.width)
    for line in lines {
      let (image, y) = (line / output.height, line % output.height)
      let target =
        output.floats + image * output.imageStride + y * output.width * output.pixelStride
      let inside = y < input.height ? width : 0
      if inside > 0 {
        let source = input.floats + image * input.imageStride + y * input.width * input.pixelStride
        copy(source, to: target, pixels: inside)
      }
      for x in inside..<output.width {
        (target + x * output.pixelStride).update(repeating: 0, count: output.channels)
      }
    }
  }

  private func copy(
    _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, pixels: Int
  ) {
    let channels = output.channels
    if input.pixelStride == channels, output.pixelStride == channels {
      return target.update(from: source, count: pixels * channels)
    }
    for x in 0..<pixels {
      (target + x * output.pixelStride).update(
        from: source + x * input.pixelStride, count: channels)
    }
  }
}

private struct UnfoldRegion: ParallelRegion {
  let backend: CPUBackend
  let images: Tensor
  let patch: Int
  let rows: TensorView

  func run(worker: Int) {
    let (channels, height, width) = (images.shape[1], images.shape[2], images.shape[3])
    let columns = width / patch
    let perImage = height / patch * columns
    if patch == 1, rows.stride == channels {
      return interleave(worker, pixels: height * width, channels: channels)
    }
    for row in backend.share(of: rows.rows, worker: worker) {
      let (image, place) = (row / perImage, row % perImage)
      let corner = place / columns * patch * width + place % columns * patch
      let target = rows.floats + row * rows.stride
      for channel in 0..<channels {
        let plane = images.floats + (image * channels + channel) * height * width + corner
        for y in 0..<patch {
          (target + (channel * patch + y) * patch).update(from: plane + y * width, count: patch)
        }
      }
    }
  }

  private func interleave(_ worker: Int, pixels: Int, channels: Int) {
    for image in 0..<images.shape[0] {
      let own = backend.share(of: pixels, worker: worker)
      lab_nchw_to_nhwc(
        images.floats + image * channels * pixels + own.lowerBound, channels, pixels, own.count,
        rows.floats + (image * pixels + own.lowerBound) * channels)
    }
  }
}
