import CKernels
import Foundation
import Tensors

/// The operations that treat every row by itself, shared by rows.
struct RowRegion: ParallelRegion {
  enum Rule {
    case layerNorm(LayerNormParameters)
    case affine(scale: Tensor, shift: Tensor, Activation)
    case activate(Activation)
    case add(TensorView, Activation)
    case multiply(TensorView)
    /// Rows of each image chosen by Int32 [B, N'].
    case gather(Tensor)
    case copy
    /// What follows a product that is in the input.
    case finish(Epilogue)
  }

  let backend: CPUBackend
  let rule: Rule
  let input: TensorView
  let output: TensorView

  func run(worker: Int) {
    let width = output.width
    for row in backend.share(of: output.rows, worker: worker) {
      let source = input.floats + row * input.stride
      let target = output.floats + row * output.stride
      switch rule {
      case .layerNorm(let norm):
        lab_layer_norm(
          source, norm.weight.floats, norm.bias.floats, norm.epsilon, 1, width, target)
      case .affine(let scale, let shift, let activation):
        let (scale, shift) = (scale.floats, shift.floats)
        for c in 0..<width { target[c] = source[c] * scale[c] + shift[c] }
        activation.apply(target, width)
      case .activate(let activation):
        if source != target { target.update(from: source, count: width) }
        activation.apply(target, width)
      case .add(let right, let activation):
        let other = Self.row(right, row, of: output.rows)
        for c in 0..<width { target[c] = source[c] + other[c] }
        activation.apply(target, width)
      case .multiply(let right):
        let other = Self.row(right, row, of: output.rows)
        for c in 0..<width { target[c] = source[c] * other[c] }
      case .gather(let indices):
        let kept = indices.shape[1]
        let perImage = input.rows / indices.shape[0]
        let chosen = row / kept * perImage + Int(indices.integers[row])
        target.update(from: input.floats + chosen * input.stride, count: width)
      case .copy: target.update(from: source, count: width)
      case .finish(let epilogue):
        epilogue.apply(source, width, row: row, into: target)
      }
    }
  }

  /// A row of a view of as many rows, or of fewer that each stand for several.
  private static func row(
    _ view: TensorView, _ row: Int, of rows: Int
  ) -> UnsafeMutablePointer<Float> {
    view.floats + (view.rows == rows ? row : row / (rows / view.rows)) * view.stride
  }
}

extension Epilogue {
  /// Finishes a row of results: activation, residual, in their order.
  @inline(__always)
  func apply(
    _ source: UnsafePointer<Float>, _ width: Int, row: Int,
    into target: UnsafeMutablePointer<Float>
  ) {
    let other = residual.map { UnsafePointer($0.floats + row * $0.stride) }
    if activatesSum, let other {
      for c in 0..<width { target[c] = source[c] + other[c] }
      activation.apply(target, width)
      return
    }
    guard let other else {
      if UnsafePointer(target) != source { target.update(from: source, count: width) }
      return activation.apply(target, width)
    }
    // The residual may be the output itself, so that it is read before anything is written.
    if activation == .identity {
      for c in 0..<width { target[c] = source[c] + other[c] }
    } else {
      for c in 0..<width { target[c] = activation.value(source[c]) + other[c] }
    }
  }
}

extension Activation {
  /// Of many numbers in place.
  @inline(__always)
  func apply(_ x: UnsafeMutablePointer<Float>, _ count: Int) {
    switch self {
    case .identity: break
    case .gelu: lab_gelu(x, 1, count, count)
    // A comparison that NaN fails keeps NaN.
    case .relu: for c in 0..<count where x[c] < 0 { x[c] = 0 }
    default: for c in 0..<count { x[c] = value(x[c]) }
    }
  }

  @inline(__always)
  func value(_ x: Float) -> Float {
    switch self {
    case .identity: x
    case .relu: x < 0 ? 0 : x
    case .gelu: 0.5 * x * (1 + erff(x * 0.707_106_77))
    case .silu: x / (1 + expf(-x))
    case .sigmoid: 1 / (1 + expf(-x))
    case .hardswish: x * Self.gate(x)
    case .hardsigmoid: Self.gate(x)
    }
  }

  /// `clamp(x + 3, 0, 6) / 6`, NaN for NaN.
  private static func gate(_ x: Float) -> Float { x <= -3 ? 0 : x >= 3 ? 1 : (x + 3) / 6 }
}

extension CPUBackend {
  package func layerNorm(
    _ input: TensorView, _ norm: LayerNormParameters, into output: TensorView
  ) { runRows(.layerNorm(norm), input, into: output) }

  package func affine(
    _ input: TensorView, scale: Tensor, shift: Tensor, _ activation: Activation,
    into output: TensorView
  ) { runRows(.affine(scale: scale, shift: shift, activation), input, into: output) }

  package func add(
    _ left: TensorView, _ right: TensorView, _ activation: Activation, into output: TensorView
  ) { runRows(.add(right, activation), left, into: output) }

  package func multiply(_ left: TensorView, _ right: TensorView, into output: TensorView) {
    runRows(.multiply(right), left, into: output)
  }

  package func activate(_ input: TensorView, _ activation: Activation, into output: TensorView) {
    runRows(.activate(activation), input, into: output)
  }

  package func gather(_ input: TensorView, _ indices: Tensor, into output: TensorView) {
    runRows(.gather(indices), input, into: output)
  }

  package func copy(_ input: TensorView, into output: TensorView) {
    runRows(.copy, input, into: output)
  }

  func runRows(_ rule: RowRegion.Rule, _ input: TensorView, into output: TensorView) {
    run(RowRegion(backend: self, rule: rule, input: input, output: output)) {
      RowRegion.enter($0, $1)
    }
  }

  package func linear(
    _ input: TensorView, _ linear: LinearParameters, _ epilogue: Epilogue, into output: TensorView
  ) {
    let source = Rows(input.floats, stride: input.stride)
    let target = Rows(output.floats, stride: output.stride)
    func multiply(_ target: Rows, _ end: ProductEnd) {
      apply(linear, source, rows: input.rows, into: target, end: end)
    }
    guard let residual = epilogue.residual else {
      switch epilogue.activation {
      case .identity: return multiply(target, .replace)
      case .gelu: return multiply(target, .gelu)
      default:
        multiply(target, .replace)
        return runRows(.activate(epilogue.activation), output, into: output)
      }
    }
    if epilogue.activation == .identity {
      if residual.floats != output.floats { copy(residual, into: output) }
      multiply(target, .add)
    } else if residual.floats != output.floats {
      multiply(target, .replace)
      runRows(.finish(epilogue), output, into: output)
    } else {
      // The product would overwrite what is to be added to it.
      let product = TensorView(
        temporary(.unfolded, Shape(output.rows, output.width), .float32))
      multiply(Rows(product.floats, stride: product.stride), .replace)
      runRows(.finish(epilogue), product, into: output)
    }
  }
}
