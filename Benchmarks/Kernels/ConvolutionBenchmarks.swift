import CKernels

/// A convolution of the tables.
private struct Layer {
  let name: String
  let side: Int
  let channels: Int
  let outputs: Int
  let kernel: Int
  var stride = 1
  var groups = 1
  var activation = LAB_ACTIVATION_NONE
  var hasPlanes = false

  /// With the padding that keeps the side at a stride of 1, but for patches.
  var picture: lab_conv_shape {
    let padding = kernel == stride ? 0 : kernel / 2
    let out = (side + 2 * padding - kernel) / stride + 1
    return lab_conv_shape(
      images: 1, height: side, width: side, channels: channels, out_height: out, out_width: out,
      out_channels: outputs, kernel_height: kernel, kernel_width: kernel, stride: stride,
      pad_top: padding, pad_left: padding, in_stride: channels, out_stride: outputs,
      in_image: side * side * channels, out_image: out * out * outputs, is_nchw: hasPlanes,
      groups: groups)
  }

  var description: String {
    "\(name) | \(side) | \(channels) → \(outputs) | \(kernel) × \(kernel), \(stride)"
  }
}

extension KernelBenchmarks {
  /// Dense and grouped convolutions of one image, compared with a product in the L1 cache.
  func printConvolutions() {
    let (swish, relu) = (LAB_ACTIVATION_HARD_SWISH, LAB_ACTIVATION_RELU)
    let layers = [
      Layer(name: "3 × 3", side: 56, channels: 64, outputs: 64, kernel: 3, activation: relu),
      Layer(name: "3 × 3", side: 28, channels: 128, outputs: 128, kernel: 3, activation: relu),
      Layer(name: "3 × 3", side: 14, channels: 256, outputs: 256, kernel: 3, activation: relu),
      Layer(name: "3 × 3", side: 7, channels: 512, outputs: 512, kernel: 3, activation: relu),
      Layer(
        name: "MobileViT-S", side: 32, channels: 96, outputs: 96, kernel: 3,
        activation: LAB_ACTIVATION_SILU),
      Layer(
        name: "CoAtNet-0 stem", side: 112, channels: 64, outputs: 64, kernel: 3,
        activation: LAB_ACTIVATION_GELU),
      Layer(
        name: "ConvNeXt-T downsampling", side: 56, channels: 96, outputs: 192, kernel: 2, stride: 2),
      Layer(
        name: "ConvNeXt-B downsampling", side: 28, channels: 512, outputs: 1024, kernel: 2,
        stride: 2),
      Layer(
        name: "ConvNeXt-T stem", side: 224, channels: 3, outputs: 96, kernel: 4, stride: 4,
        hasPlanes: true),
      Layer(
        name: "EfficientViT-B1 stem", side: 224, channels: 3, outputs: 16, kernel: 3, stride: 2,
        activation: swish, hasPlanes: true),
      Layer(
        name: "EfficientViT-M4 stem", side: 112, channels: 16, outputs: 32, kernel: 3, stride: 2,
        activation: relu),
      Layer(
        name: "EfficientViT-B1 expansion", side: 56, channels: 32, outputs: 128, kernel: 1,
        activation: swish),
      Layer(name: "EfficientViT-B1 projection", side: 56, channels: 128, outputs: 32, kernel: 1),
      Layer(
        name: "MobileNetV3-L expansion", side: 28, channels: 40, outputs: 120, kernel: 1,
        activation: relu),
      Layer(
        name: "EfficientViT-B1 expansion", side: 7, channels: 256, outputs: 1024, kernel: 1,
        activation: swish),
      Layer(
        name: "EfficientViT-B1 groups of 16", side: 14, channels: 384, outputs: 384, kernel: 1,
        groups: 24),
    ]
    print("| convolution | side | channels | kernel, stride | µs | GFLOP/s | of the bound |")
    print("|---|---|---|---|---|---|---|")
    for layer in layers {
      var picture = layer.picture
      var plan = lab_plan_convolution(&picture, 2)
      let k = layer.channels / layer.groups * layer.kernel * layer.kernel
      let (x, out) = (buffer(picture.in_image), buffer(picture.out_image))
      let (weight, bias) = (buffer(layer.outputs * k), buffer(layer.outputs))
      let packed = buffer(lab_convolution_weight_count(&picture))
      let packedBias = buffer(lab_convolution_bias_count(&picture))
      let scratch = buffer(max(plan.scratch_count, layer.outputs * k))
      lab_pack_convolution(&picture, weight, bias, packed, packedBias, scratch)
      let epilogue = lab_epilogue(
        bias: packedBias, activation: Int32(layer.activation), residual: nil, residual_stride: 0,
        activates_sum: false)
      let seconds = leastSeconds([
        { lab_convolve(&picture, &plan, x, packed, epilogue, out, 0, plan.tasks, scratch) }
      ])[0]
      let pixels = picture.out_height * picture.out_width
      let rate = 2 * Double(pixels * layer.outputs * k) / seconds / 1e9
      print(
        "| \(layer.description) | \(formatted(seconds * 1e6)) | \(formatted(rate)) "
          + "| \(formatted(100 * rate / peak, 0)) % |")
      for each in [x, out, weight, bias, packed, packedBias, scratch] { each.deallocate() }
    }
    print("")
  }

  /// Depthwise convolutions of one image: multiplied numbers compared with a product in the L1
  /// cache, moved ones compared with a copy of as many bytes.
  ///
  /// The bound is the longer of the two: the multiplications alone, or the copy alone.
  func printDepthwiseConvolutions() {
    let (none, relu) = (LAB_ACTIVATION_NONE, LAB_ACTIVATION_RELU)
    let swish = LAB_ACTIVATION_HARD_SWISH
    func layer(
      _ name: String, _ side: Int, _ channels: Int, _ kernel: Int, _ stride: Int, _ activation: Int
    ) -> Layer {
      Layer(
        name: name, side: side, channels: channels, outputs: channels, kernel: kernel,
        stride: stride, groups: channels, activation: activation)
    }
    let layers = [
      layer("EfficientViT-B1", 112, 16, 3, 1, swish),
      layer("EfficientViT-B1", 112, 64, 3, 2, swish),
      layer("EfficientViT-B1", 56, 128, 3, 1, swish),
      layer("EfficientViT-B1", 28, 256, 3, 1, swish),
      layer("EfficientViT-B1", 14, 512, 3, 1, swish), layer("EfficientViT-B1", 14, 384, 5, 1, none),
      layer("EfficientViT-B1", 7, 1024, 3, 1, swish), layer("EfficientViT-M4", 14, 128, 3, 1, none),
      layer("EfficientViT-M4, a query", 7, 16, 7, 1, none),
      layer("MobileNetV3-L", 28, 120, 5, 1, relu), layer("MobileNetV3-L", 14, 672, 5, 2, swish),
      layer("MobileNetV3-L", 7, 960, 5, 1, swish), layer("ConvNeXt-T", 56, 96, 7, 1, none),
      layer("ConvNeXt-T", 14, 384, 7, 1, none), layer("ConvNeXt-T", 7, 768, 7, 1, none),
      layer("ConvNeXt-B", 14, 512, 7, 1, none),
    ]
    print("| depthwise | side | channels | kernel, stride | µs | GFLOP/s | GB/s | of the bound |")
    print("|---|---|---|---|---|---|---|---|")
    for layer in layers {
      var picture = layer.picture
      var plan = lab_plan_depthwise(&picture, 2)
      let taps = layer.kernel * layer.kernel
      let numbers = picture.in_image + picture.out_image
      let (x, out) = (buffer(picture.in_image), buffer(picture.out_image))
      let (weight, packed) = (buffer(layer.channels * taps), buffer(layer.channels * taps))
      let bias = buffer(layer.channels)
      let (from, to) = (buffer(numbers / 2), buffer(numbers / 2))
      lab_pack_depthwise(&picture, weight, packed)
      let epilogue = lab_epilogue(
        bias: bias, activation: Int32(layer.activation), residual: nil, residual_stride: 0,
        activates_sum: false)
      let seconds = leastSeconds([
        { lab_convolve_depthwise(&picture, &plan, x, packed, epilogue, out, 0, plan.tasks) },
        { to.update(from: from, count: numbers / 2) },
      ])
      let work = 2 * Double(seenTaps(picture) * layer.channels) / 1e9
      let bound = max(work / peak, seconds[1])
      print(
        "| \(layer.description) | \(formatted(seconds[0] * 1e6)) | \(formatted(work / seconds[0])) "
          + "| \(formatted(4 * Double(numbers) / seconds[0] / 1e9)) "
          + "| \(formatted(100 * bound / seconds[0], 0)) % |")
      for each in [x, out, weight, packed, bias, from, to] { each.deallocate() }
    }
    print("")
  }

  /// Taps that lie inside the picture, over all outputs of a channel.
  private func seenTaps(_ picture: lab_conv_shape) -> Int {
    func seen(_ outputs: Int, _ inputs: Int, _ kernel: Int, _ padding: Int) -> Int {
      (0..<outputs).reduce(0) {
        let first = $1 * picture.stride - padding
        return $0 + min(inputs, first + kernel) - max(0, first)
      }
    }
    return seen(picture.out_height, picture.height, picture.kernel_height, picture.pad_top)
      * seen(picture.out_width, picture.width, picture.kernel_width, picture.pad_left)
  }

  /// Attention over the pixels of one image, compared with a product in the L1 cache.
  func printPictureAttention() {
    print(
      "| attention | side, window | heads, dims | µs | GFLOP/s of its products | of the bound |")
    print("|---|---|---|---|---|---|")
    for (name, side, window, heads, keyDim, valueDim, shift) in [
      ("Swin-T, shifted windows", 56, 7, 3, 32, 32, 3), ("Swin-T", 14, 7, 12, 32, 32, 0),
      ("CoAtNet-0", 14, 14, 12, 32, 32, 0), ("EfficientViT-M4, a head", 14, 7, 1, 16, 32, 0),
      ("EfficientViT-M4, a head", 7, 7, 1, 16, 64, 0),
    ] {
      let (pixels, tokens) = (side * side, window * window)
      let row = heads * (2 * keyDim + valueDim)
      let (qkv, out) = (buffer(pixels * row), buffer(pixels * heads * valueDim))
      let bias = buffer(heads * tokens * tokens)
      func view(_ first: Int, _ dim: Int) -> lab_view {
        lab_view(start: qkv + first, pixel: row, head: dim)
      }
      var attention = lab_window_attention(
        images: 1, height: side, width: side, window_height: window, window_width: window,
        shift_y: shift, shift_x: shift, is_grid: false, heads: heads, key_dim: keyDim,
        value_dim: valueDim, q: view(0, keyDim), k: view(heads * keyDim, keyDim),
        v: view(2 * heads * keyDim, valueDim), scale: 0.2, bias: bias, out: out,
        out_pixel: heads * valueDim, out_head: valueDim)
      let scratch = buffer(lab_window_attention_scratch_count(&attention))
      let tasks = lab_window_attention_tasks(&attention)
      let seconds = leastSeconds([{ lab_attend_windows(&attention, 0, tasks, scratch) }])[0]
      let rate = 2 * Double(pixels * tokens * heads * (keyDim + valueDim)) / seconds / 1e9
      print(
        "| \(name) | \(side), \(window) | \(heads), \(keyDim) and \(valueDim) "
          + "| \(formatted(seconds * 1e6)) | \(formatted(rate)) | \(formatted(100 * rate / peak, 0)) % |"
      )
      for each in [qkv, out, bias, scratch] { each.deallocate() }
    }
    for (name, pixels, heads, dim, isReduced) in [
      ("EfficientViT-B1, linear", 196, 16, 16, false),
      ("EfficientViT-B2, linear", 196, 12, 32, false),
      ("EfficientViT-B1, linear", 49, 32, 16, false), ("ReduceFormer-B1", 196, 16, 16, true),
    ] {
      let row = 3 * dim * heads
      let (qkv, out) = (buffer(pixels * row), buffer(pixels * heads * dim))
      func view(_ part: Int) -> lab_view {
        lab_view(start: qkv + part * dim, pixel: row, head: 3 * dim)
      }
      var attention = lab_linear_attention(
        images: 1, pixels: pixels, heads: heads, key_dim: dim, value_dim: dim, q: view(0),
        k: view(1), v: view(2), epsilon: 1e-5, out: out, out_pixel: heads * dim, out_head: dim)
      let scratch = buffer(lab_linear_attention_scratch_count(&attention))
      let tasks = lab_linear_attention_tasks(&attention)
      let seconds = leastSeconds([
        {
          if isReduced {
            lab_attend_reduced(&attention, 0, tasks, scratch)
          } else {
            lab_attend_linear(&attention, 0, tasks, scratch)
          }
        }
      ])[0]
      let perHead = isReduced ? 4 * dim : 2 * dim * (dim + 1)
      let rate = 2 * Double(pixels * heads * perHead) / seconds / 1e9
      print(
        "| \(name) | \(pixels) pixels | \(heads), \(dim) | \(formatted(seconds * 1e6)) "
          + "| \(formatted(rate)) | \(formatted(100 * rate / peak, 0)) % |")
      for each in [qkv, out, scratch] { each.deallocate() }
    }
    print("")
  }

  /// Pooling and gates of one image of 56 x 56 x 96; compared with a copy of as many bytes.
  func printPooling() {
    let (side, channels) = (56, 96)
    let pixels = side * side
    let (x, out) = (buffer(pixels * channels), buffer(pixels * channels))
    let gates = buffer(channels)
    let pooling = Layer(
      name: "", side: side, channels: channels, outputs: channels, kernel: 2, stride: 2)
    var picture = pooling.picture
    let kernels: [(String, Int, () -> Void)] = [
      (
        "global mean", pixels * channels,
        {
          lab_global_mean(
            x, pixels, channels, channels, 0, out, channels, 0, lab_global_mean_tasks(1, channels))
        }
      ),
      (
        "gates of channels", 2 * pixels * channels,
        {
          lab_multiply_rows(
            lab_rows(start: x, stride: channels, repeats: 1),
            lab_rows(start: gates, stride: channels, repeats: pixels), channels, out, channels, 0,
            pixels)
        }
      ),
      (
        "2 × 2 average", pixels * channels * 5 / 4,
        { lab_average_pool(&picture, true, x, out, 0, lab_pooling_tasks(&picture)) }
      ),
      (
        "2 × 2 maximum", pixels * channels * 5 / 4,
        { lab_max_pool(&picture, x, out, 0, lab_pooling_tasks(&picture)) }
      ),
    ]
    print("| kernel (56 × 56 × 96) | µs | GB/s | copy of as many bytes, GB/s | of the copy |")
    print("|---|---|---|---|---|")
    for (name, numbers, body) in kernels {
      let (from, to) = (buffer(numbers / 2), buffer(numbers / 2))
      let seconds = leastSeconds([body, { to.update(from: from, count: numbers / 2) }])
      let bytes = Double(4 * numbers) / 1e9
      print(
        "| \(name) | \(formatted(seconds[0] * 1e6)) | \(formatted(bytes / seconds[0])) "
          + "| \(formatted(bytes / seconds[1])) | \(formatted(100 * seconds[1] / seconds[0], 0)) % |"
      )
      from.deallocate()
      to.deallocate()
    }
    for each in [x, out, gates] { each.deallocate() }
  }
}
