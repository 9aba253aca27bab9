import CKernels
import Foundation
import Testing
import _TestSupport

/// The convolutions against plain loops in double precision.
@Suite struct ConvolutionTests {
  /// A shape with an epilogue and strides.
  struct Case: Sendable, CustomStringConvertible {
    var shape: PictureShape
    var activation = LAB_ACTIVATION_NONE
    var residual = Residual.none
    var isNCHW = false
    /// Floats between the channels of a pixel and the next pixel.
    var gap = 0
    /// Floats between an image and the next.
    var imageGap = 0
    var activatesSum = false
    var isDepthwise = false

    var description: String { "\(shape), activation \(activation), \(residual)" }
  }

  enum Residual { case none, other, output }

  static let activations = [
    LAB_ACTIVATION_NONE, LAB_ACTIVATION_RELU, LAB_ACTIVATION_GELU, LAB_ACTIVATION_HARD_SWISH,
    LAB_ACTIVATION_HARD_SIGMOID, LAB_ACTIVATION_SILU, LAB_ACTIVATION_SIGMOID,
  ]

  static let dense: [Case] =
    [1, 2, 3, 5, 13].flatMap { kernel in
      [1, 2, 4].flatMap { stride in
        [(3, 7), (20, 33), (65, 40)].map { channels, out in
          Case(
            shape: PictureShape(
              images: 2, 9, 17, channels: channels, out: out, kernel: min(kernel, 9),
              stride: stride, padding: kernel / 2),
            activation: activations[(kernel + stride + channels) % activations.count],
            residual: channels == 20 ? .other : channels == 65 ? .output : .none,
            gap: channels % 3, imageGap: kernel == 3 && channels != 65 ? 5 : 0,
            activatesSum: kernel % 2 == 0)
        }
      }
    } + [
      // A patch embedding, a stem, and an odd size, all from NCHW.
      Case(
        shape: PictureShape(images: 2, 16, 24, channels: 3, out: 33, kernel: 4, stride: 4),
        isNCHW: true),
      Case(
        shape: PictureShape(
          images: 2, 19, 22, channels: 3, out: 8, kernel: 3, stride: 2, padding: 1),
        activation: LAB_ACTIVATION_HARD_SWISH, isNCHW: true),
      Case(
        shape: PictureShape(13, 7, channels: 5, out: 40, kernel: 3, padding: 2), isNCHW: true),
      // Groups of 16 channels, and groups with larger kernels.
      Case(shape: PictureShape(images: 2, 7, 7, channels: 96, out: 96, kernel: 1, groups: 6)),
      Case(
        shape: PictureShape(
          11, 7, channels: 12, out: 30, kernel: 3, stride: 2, padding: 1, groups: 3),
        activation: LAB_ACTIVATION_SILU, gap: 3),
      // Sums in several parts: of kernel rows, and within one kernel row.
      Case(
        shape: PictureShape(7, 7, channels: 96, out: 24, kernel: 3, padding: 1),
        activation: LAB_ACTIVATION_RELU, residual: .other),
      Case(
        shape: PictureShape(6, 5, channels: 400, out: 40, kernel: 3, padding: 1), residual: .output),
      Case(
        shape: PictureShape(6, 5, channels: 1200, out: 17, kernel: 1),
        activation: LAB_ACTIVATION_GELU
      ),
      // Pixels that map to the same cache sets.
      Case(
        shape: PictureShape(5, 12, channels: 1024, out: 9, kernel: 2, padding: 1),
        activation: LAB_ACTIVATION_RELU, residual: .other),
      Case(shape: PictureShape(8, 12, channels: 512, out: 34, kernel: 2, stride: 2)),
      Case(shape: PictureShape(8, 30, channels: 20, out: 20, kernel: 1), residual: .output),
    ]

  static let depthwise: [Case] =
    [3, 5, 7, 4, 1].flatMap { kernel in
      [1, 2, 3].flatMap { stride in
        [(1, 1), (2, 8), (6, 11), (9, 16), (17, 30)].map { width, channels in
          Case(
            shape: PictureShape(
              images: 2, 8, width, channels: channels, out: channels, kernel: kernel,
              stride: stride, padding: max(kernel / 2, (kernel - min(width, kernel) + 1) / 2),
              groups: channels),
            activation: activations[(kernel + stride + channels) % activations.count],
            residual: channels == 30 ? .other : channels == 16 ? .output : .none,
            gap: channels % 3, imageGap: kernel == 3 && channels != 16 ? 5 : 0,
            activatesSum: width == 17,
            isDepthwise: true)
        }
      }
    } + [
      Case(
        shape: PictureShape(
          images: 2, 7, 7, channels: 70, out: 70, kernel: 3, padding: 1, groups: 70),
        activation: LAB_ACTIVATION_HARD_SWISH, residual: .output, isDepthwise: true),
      Case(
        shape: PictureShape(3, 5, channels: 200, out: 200, kernel: 3, padding: 3, groups: 200),
        residual: .output, isDepthwise: true),
      // Pixels that map to the same cache sets, in one block of rows and in several.
      Case(
        shape: PictureShape(
          images: 2, 9, 11, channels: 512, out: 512, kernel: 3, stride: 2, padding: 1, groups: 512),
        activation: LAB_ACTIVATION_SILU, residual: .other, isDepthwise: true),
      Case(
        shape: PictureShape(33, 25, channels: 512, out: 512, kernel: 5, padding: 2, groups: 512),
        isDepthwise: true),
      Case(
        shape: PictureShape(3, 5, channels: 9, out: 9, kernel: 2, groups: 9),
        activation: LAB_ACTIVATION_RELU, residual: .output, isDepthwise: true),
    ]

  @Test(arguments: dense)
  func `a dense convolution matches the reference`(each: Case) { Self.check(each) }

  @Test(arguments: depthwise)
  func `a depthwise convolution matches the reference`(each: Case) { Self.check(each) }

  #if arch(x86_64) && os(Linux)
    @Test func `AVX2 convolutions match the reference`() async {
      await #expect(processExitsWith: .success) {
        setenv("LAB_KERNELS", "avx2", 1)
        #expect(String(cString: lab_gemm_kernels()) == "AVX2 6x16")
        for each in Self.dense + Self.depthwise { Self.check(each) }
      }
    }

    @Test func `baseline x86-64 convolutions match the reference`() async {
      await #expect(processExitsWith: .success) {
        setenv("LAB_KERNELS", "sse2", 1)
        #expect(String(cString: lab_gemm_kernels()) == "SSE2 6x8")
        for each in Self.dense + Self.depthwise { Self.check(each) }
      }
    }
  #endif

  @Test func `padding may be asymmetric, and kernels need not be square`() {
    var shape = PictureShape(9, 14, channels: 18, out: 20, kernel: 3, stride: 2)
    (shape.padTop, shape.padLeft, shape.padBottom, shape.padRight) = (0, 1, 1, 2)
    (shape.kernelHeight, shape.kernelWidth) = (3, 5)
    Self.check(Case(shape: shape))
    (shape.outChannels, shape.groups) = (18, 18)
    Self.check(Case(shape: shape, isDepthwise: true))
    shape.kernelWidth = 3
    Self.check(Case(shape: shape, isDepthwise: true))
  }

  @Test(arguments: [1, 2, 3, 8])
  func `the result for an image does not depend on the batch or the number of workers`(workers: Int)
  {
    for each in Self.dense + Self.depthwise {
      var alone = each
      alone.shape.images = 1
      var together = each
      together.shape.images = 3
      let expected = Self.run(alone, Self.Inputs(together), workers: 1)
      let found = Self.run(together, Self.Inputs(together), workers: workers)
      #expect(Array(found.prefix(expected.count)) == expected, "\(each)")
    }
  }

  @Test(arguments: activations)
  func `NaN reaches only the outputs whose inputs contain it`(activation: Int) {
    let shape = PictureShape(9, 9, channels: 20, out: 20, kernel: 3, padding: 1)
    var grouped = shape
    grouped.groups = 20
    for each in [
      Case(shape: shape, activation: activation),
      Case(shape: grouped, activation: activation, isDepthwise: true),
    ] {
      var inputs = Inputs(each)
      inputs.x[(4 * 9 + 5) * 20 + 7] = .nan
      let result = Self.run(each, inputs, workers: 2)
      for (index, value) in result.enumerated() {
        let (y, x, channel) = (index / 180, index / 20 % 9, index % 20)
        let sees = abs(y - 4) <= 1 && abs(x - 5) <= 1 && (!each.isDepthwise || channel == 7)
        #expect(value.isNaN == sees, "\(y), \(x), \(channel)")
      }
    }
  }

  // MARK: - One convolution

  struct Inputs {
    var x: [Float]
    var weight: [Float]
    var bias: [Float]
    var residual: [Float]

    init(_ each: Case) {
      let shape = each.shape
      x = randomFloats(shape.images * shape.height * shape.width * shape.channels, seed: 1)
      weight = randomFloats(shape.outChannels * shape.sumLength, seed: 2)
      bias = randomFloats(shape.outChannels, seed: 3)
      residual = randomFloats(shape.outPixels * shape.outChannels, seed: 4)
    }
  }

  private static func check(_ each: Case) {
    let inputs = Inputs(each)
    let result = run(each, inputs, workers: 3)
    let sums = ReferenceOps.convolution(inputs.x, inputs.weight, inputs.bias, each.shape)
    let expected = sums.enumerated().map {
      let residual = each.residual == .none ? 0 : Double(inputs.residual[$0])
      return each.activatesSum
        ? activate($1 + residual, each.activation) : activate($1, each.activation) + residual
    }
    #expect(result.count == expected.count)
    let scale = Double(each.shape.sumLength).squareRoot()
    #expect(largestDifference(result, expected) / scale < 1e-5, "\(each)")
  }

  static func activate(_ x: Double, _ activation: Int) -> Double {
    switch activation {
    case LAB_ACTIVATION_NONE: x
    case LAB_ACTIVATION_RELU: max(x, 0)
    case LAB_ACTIVATION_GELU: ReferenceOps.gelu(x)
    case LAB_ACTIVATION_HARD_SWISH: x * ReferenceOps.hardSigmoid(x)
    case LAB_ACTIVATION_HARD_SIGMOID: ReferenceOps.hardSigmoid(x)
    case LAB_ACTIVATION_SILU: ReferenceOps.silu(x)
    case LAB_ACTIVATION_SIGMOID: ReferenceOps.sigmoid(x)
    default: preconditionFailure("no such activation")
    }
  }

  private static func run(_ each: Case, _ inputs: Inputs, workers: Int) -> [Float] {
    let shape = each.shape
    var picture = lab_conv_shape(shape)
    picture.is_nchw = each.isNCHW
    picture.in_stride += each.isNCHW ? 0 : each.gap
    picture.out_stride += each.gap
    let perImage = shape.height * shape.width * picture.in_stride
    let outPerImage = shape.outHeight * shape.outWidth * picture.out_stride
    picture.in_image = perImage + each.imageGap
    picture.out_image = outPerImage + each.imageGap
    let pixels = shape.images * shape.height * shape.width
    let dense =
      each.isNCHW
      ? planes(inputs.x, shape)
      : spread(Array(inputs.x.prefix(pixels * shape.channels)), shape.channels, each.gap)
    let x = spread(dense, perImage, each.imageGap)
    // The gaps between pixels and images must not be changed.
    let residual = spread(
      Array(inputs.residual.prefix(shape.outPixels * shape.outChannels)), shape.outChannels,
      each.gap)
    var out =
      each.residual == .output
      ? residual : [Float](repeating: 7, count: shape.images * picture.out_image)
    residual.withUnsafeBufferPointer { residual in
      out.withUnsafeMutableBufferPointer { out in
        var epilogue = lab_epilogue()
        epilogue.activation = Int32(each.activation)
        epilogue.residual_stride = picture.out_stride
        epilogue.activates_sum = each.activatesSum
        switch each.residual {
        case .none: break
        case .other: epilogue.residual = residual.baseAddress
        case .output: epilogue.residual = UnsafePointer(out.baseAddress)
        }
        if each.isDepthwise {
          depthwise(picture, x, inputs, epilogue, out.baseAddress, workers)
        } else {
          Self.dense(picture, x, inputs, epilogue, out.baseAddress, workers)
        }
      }
    }
    var result: [Float] = []
    for image in 0..<shape.images {
      let start = image * picture.out_image
      for pixel in 0..<(shape.outHeight * shape.outWidth) {
        let first = start + pixel * picture.out_stride
        result += out[first..<(first + shape.outChannels)]
        #expect(
          out[(first + shape.outChannels)..<(first + picture.out_stride)].allSatisfy { $0 == 7 })
      }
      #expect(out[(start + outPerImage)..<(start + picture.out_image)].allSatisfy { $0 == 7 })
    }
    return result
  }

  private static func dense(
    _ picture: lab_conv_shape, _ x: [Float], _ inputs: Inputs, _ epilogue: lab_epilogue,
    _ out: UnsafeMutablePointer<Float>?, _ workers: Int
  ) {
    var (picture, epilogue) = (picture, epilogue)
    var plan = lab_plan_convolution(&picture, Int32(workers))
    var weight = [Float](repeating: .nan, count: lab_convolution_weight_count(&picture))
    var bias = [Float](repeating: .nan, count: lab_convolution_bias_count(&picture))
    var scratch = [Float](
      repeating: .nan, count: max(plan.scratch_count, inputs.weight.count, 1))
    lab_pack_convolution(&picture, inputs.weight, inputs.bias, &weight, &bias, &scratch)
    bias.withUnsafeBufferPointer {
      epilogue.bias = $0.baseAddress
      // In reverse, because the order of tasks must not matter.
      for task in (0..<plan.tasks).reversed() {
        lab_convolve(&picture, &plan, x, weight, epilogue, out, task, task + 1, &scratch)
      }
    }
  }

  private static func depthwise(
    _ picture: lab_conv_shape, _ x: [Float], _ inputs: Inputs, _ epilogue: lab_epilogue,
    _ out: UnsafeMutablePointer<Float>?, _ workers: Int
  ) {
    var (picture, epilogue) = (picture, epilogue)
    var plan = lab_plan_depthwise(&picture, Int32(workers))
    var weight = [Float](repeating: .nan, count: inputs.weight.count)
    lab_pack_depthwise(&picture, inputs.weight, &weight)
    inputs.bias.withUnsafeBufferPointer {
      epilogue.bias = $0.baseAddress
      for task in (0..<plan.tasks).reversed() {
        lab_convolve_depthwise(&picture, &plan, x, weight, epilogue, out, task, task + 1)
      }
    }
  }

  /// Rows of `width` floats, each followed by `gap` others.
  private static func spread(_ x: [Float], _ width: Int, _ gap: Int) -> [Float] {
    let behind = [Float](repeating: 7, count: gap)
    var result: [Float] = []
    for first in stride(from: 0, to: x.count, by: width) {
      result += x[first..<(first + width)]
      result += behind
    }
    return result
  }

  private static func planes(_ x: [Float], _ shape: PictureShape) -> [Float] {
    let pixels = shape.height * shape.width
    return (0..<shape.images).flatMap { image in
      (0..<shape.channels).flatMap { channel in
        (0..<pixels).map { x[(image * pixels + $0) * shape.channels + channel] }
      }
    }
  }
}

extension lab_conv_shape {
  /// The shape with contiguous pixels.
  init(_ shape: PictureShape) {
    self.init(
      images: shape.images, height: shape.height, width: shape.width, channels: shape.channels,
      out_height: shape.outHeight, out_width: shape.outWidth, out_channels: shape.outChannels,
      kernel_height: shape.kernelHeight, kernel_width: shape.kernelWidth, stride: shape.stride,
      pad_top: shape.padTop, pad_left: shape.padLeft, in_stride: shape.channels,
      out_stride: shape.outChannels, in_image: shape.height * shape.width * shape.channels,
      out_image: shape.outHeight * shape.outWidth * shape.outChannels, is_nchw: false,
      groups: shape.groups)
  }
}
