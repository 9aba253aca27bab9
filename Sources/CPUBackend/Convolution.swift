import CKernels
import Tensors

/// Convolutions, pooling and unfolding, NHWC.
extension CPUBackend {
  /// A pointwise convolution is stored packed, as the products read it; any other as [kernel, kernel, inputs / groups, outputs].
  package func makeConvolution(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?, _ extent: ConvolutionExtent
  ) throws(TensorsError) -> ConvolutionParameters {
    precondition(weight.count == extent.weightCount, "a weight of another layer")
    if extent.isPointwise {
      let linear = try makeLinear(
        weight: weight, bias: bias, inputs: extent.inputs, outputs: extent.outputs)
      return ConvolutionParameters(weight: linear.weight, bias: linear.bias, extent: extent)
    }
    let stored = try allocate(Shape(extent.weightCount), .float32)
    let (inputs, outputs) = (extent.inputs / extent.groups, extent.outputs)
    let taps = extent.kernel * extent.kernel
    for output in 0..<outputs {
      for input in 0..<inputs {
        for tap in 0..<taps {
          stored.floats[(tap * inputs + input) * outputs + output] =
            weight[(output * inputs + input) * taps + tap]
        }
      }
    }
    let storedBias = try allocate(Shape(outputs), .float32)
    storedBias.floats.update(repeating: 0, count: outputs)
    if let bias { upload(bias, to: storedBias) }
    return ConvolutionParameters(weight: stored, bias: storedBias, extent: extent)
  }

  package func convolve(
    _ input: FeatureMap, _ convolution: ConvolutionParameters, _ epilogue: Epilogue,
    into output: FeatureMap
  ) {
    let extent = convolution.extent
    if extent.isPointwise {
      return linear(
        input.rows,
        LinearParameters(
          weight: convolution.weight, bias: convolution.bias, inputs: extent.inputs,
          outputs: extent.outputs), epilogue, into: output.rows)
    }
    run(
      ConvolutionRegion(
        backend: self, input: input, convolution: convolution, epilogue: epilogue, output: output)
    ) { ConvolutionRegion.enter($0, $1) }
  }

  package func pool(_ input: FeatureMap, _ pooling: Pooling, into output: FeatureMap) {
    run(PoolingRegion(backend: self, input: input, pooling: pooling, output: output)) {
      PoolingRegion.enter($0, $1)
    }
  }

  package func globalAveragePool(_ input: FeatureMap, into output: TensorView) {
    run(GlobalPoolingRegion(backend: self, input: input, output: output)) {
      GlobalPoolingRegion.enter($0, $1)
    }
  }

  package func unfold(_ images: Tensor, patch: Int, into rows: TensorView) {
    run(UnfoldRegion(backend: self, images: images, patch: patch, rows: rows)) {
      UnfoldRegion.enter($0, $1)
    }
  }
}

extension ConvolutionExtent {
  /// A linear layer over pixels.
  var isPointwise: Bool { kernel == 1 && stride == 1 && padding == 0 && groups == 1 }
}

/// Any convolution, pixel by pixel; the sums of a pixel run over the kernel's rows, columns and inputs in this order.
private struct ConvolutionRegion: ParallelRegion {
  let backend: CPUBackend
  let input: FeatureMap
  let convolution: ConvolutionParameters
  let epilogue: Epilogue
  let output: FeatureMap

  func run(worker: Int) {
    let extent = convolution.extent
    let sums = backend.scratch[worker].normalized.floats
    let lines = output.batch * output.height
    while let line = backend.nextTask(below: lines) {
      let (image, y) = (line / output.height, line % output.height)
      for x in 0..<output.width {
        sums.update(from: convolution.bias.floats, count: extent.outputs)
        accumulate(image, y, x, into: sums)
        let row = line * output.width + x
        let target = output.floats + image * output.imageStride
          + (y * output.width + x) * output.pixelStride
        epilogue.apply(sums, extent.outputs, row: row, into: target)
      }
    }
  }

  @inline(__always)
  private func accumulate(
    _ image: Int, _ y: Int, _ x: Int, into sums: UnsafeMutablePointer<Float>
  ) {
    let extent = convolution.extent
    let (inputs, outputs) = (extent.inputs / extent.groups, extent.outputs)
    let perGroup = outputs / extent.groups
    let isDepthwise = inputs == 1 && perGroup == 1
    let source = input.floats + image * input.imageStride
    let weights = convolution.weight.floats
    for ky in 0..<extent.kernel {
      let row = y * extent.stride - extent.padding + ky
      guard row >= 0, row < input.height else { continue }
      for kx in 0..<extent.kernel {
        let column = x * extent.stride - extent.padding + kx
        guard column >= 0, column < input.width else { continue }
        let pixel = source + (row * input.width + column) * input.pixelStride
        let tap = weights + (ky * extent.kernel + kx) * inputs * outputs
        if isDepthwise {
          for c in 0..<outputs { sums[c] += pixel[c] * tap[c] }
        } else {
          for group in 0..<extent.groups {
            let first = group * perGroup
            for c in 0..<inputs {
              let value = pixel[group * inputs + c]
              let line = tap + c * outputs + first
              for o in 0..<perGroup { sums[first + o] += value * line[o] }
            }
          }
        }
      }
    }
  }
}

private struct PoolingRegion: ParallelRegion {
  let backend: CPUBackend
  let input: FeatureMap
  let pooling: Pooling
  let output: FeatureMap

  func run(worker: Int) {
    let channels = output.channels
    for line in backend.share(of: output.batch * output.height, worker: worker) {
      let (image, y) = (line / output.height, line % output.height)
      let source = input.floats + image * input.imageStride
      let top = y * pooling.stride - pooling.padding
      let rows = max(0, top)..<min(input.height, top + pooling.window)
      for x in 0..<output.width {
        let left = x * pooling.stride - pooling.padding
        let columns = max(0, left)..<min(input.width, left + pooling.window)
        let target = output.floats + image * output.imageStride
          + (y * output.width + x) * output.pixelStride
        target.update(
          repeating: pooling.kind == .maximum ? -.infinity : 0, count: channels)
        for row in rows {
          for column in columns {
            let pixel = source + (row * input.width + column) * input.pixelStride
            if pooling.kind == .maximum {
              // A comparison that NaN fails lets NaN in, as PyTorch does.
              for c in 0..<channels where !(pixel[c] <= target[c]) { target[c] = pixel[c] }
            } else {
              for c in 0..<channels { target[c] += pixel[c] }
            }
          }
        }
        if pooling.kind == .average {
          let count = averaged(rows, columns, top: top, left: left)
          for c in 0..<channels { target[c] /= count }
        }
      }
    }
  }

  /// Pixels that an average divides by: with padding counted, those of the window up to the padded border.
  private func averaged(
    _ rows: Range<Int>, _ columns: Range<Int>, top: Int, left: Int
  ) -> Float {
    guard pooling.countsPadding else { return Float(rows.count * columns.count) }
    let bottom = min(top + pooling.window, input.height + pooling.padding)
    let right = min(left + pooling.window, input.width + pooling.padding)
    return Float((bottom - top) * (right - left))
  }
}

private struct GlobalPoolingRegion: ParallelRegion {
  let backend: CPUBackend
  let input: FeatureMap
  let output: TensorView

  func run(worker: Int) {
    for image in backend.share(of: input.batch, worker: worker) {
      let target = output.floats + image * output.stride
      target.update(repeating: 0, count: input.channels)
      for pixel in 0..<input.pixels {
        lab_add_into(
          target, input.floats + image * input.imageStride + pixel * input.pixelStride,
          input.channels)
      }
      lab_scale(target, 1 / Float(input.pixels), input.channels)
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
}
