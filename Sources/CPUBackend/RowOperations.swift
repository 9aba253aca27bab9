import CKernels
import Foundation
import Tensors

/// Operations on independent rows, which are divided among workers.
struct RowRegion: ParallelRegion {
  enum Rule {
    case layerNorm(LayerNormParameters)
    case affine(scale: Tensor, shift: Tensor, Activation)
    case activate(Activation)
    case add(TensorView, Activation)
    case multiply(TensorView)
    /// Selects rows of each image by Int32 indices `[B, N']`.
    case gather(Tensor)
    case copy
  }

  let backend: CPUBackend
  let rule: Rule
  let input: TensorView
  let output: TensorView

  func run(worker: Int) { run(backend.share(of: output.rows, worker: worker)) }

  func run(_ rows: Range<Int>) {
    let (first, last) = (rows.lowerBound, rows.upperBound)
    let (source, width) = (input.lab, output.width)
    let (target, stride) = (output.floats, output.stride)
    switch rule {
    case .affine(let scale, let shift, let activation):
      lab_affine_rows(
        source, scale.floats, shift.floats, width, activation.mode, target, stride, first, last)
    case .add(let right, let activation):
      lab_add_rows(
        source, right.lab(of: output.rows), width, activation.mode, target, stride, first, last)
    case .multiply(let right):
      lab_multiply_rows(source, right.lab(of: output.rows), width, target, stride, first, last)
    // Tensors are read before the loop: each access changes a reference count, for which workers
    // would contend.
    case .layerNorm(let norm):
      let (scale, shift, epsilon) = (norm.weight.floats, norm.bias.floats, norm.epsilon)
      for row in rows {
        lab_layer_norm(
          source.start + row * source.stride, scale, shift, epsilon, 1, width,
          target + row * stride)
      }
    case .activate(let activation):
      if source.start != UnsafePointer(target) { copy(rows, from: source, to: target, stride) }
      lab_activate(target + first * stride, rows.count, width, stride, activation.mode)
    case .gather(let indices):
      let (chosen, kept) = (indices.integers, indices.shape[1])
      let perImage = input.rows / indices.shape[0]
      for row in rows {
        let from = row / kept * perImage + Int(chosen[row])
        (target + row * stride).update(from: source.start + from * source.stride, count: width)
      }
    case .copy: copy(rows, from: source, to: target, stride)
    }
  }

  private func copy(
    _ rows: Range<Int>, from source: lab_rows, to target: UnsafeMutablePointer<Float>,
    _ stride: Int
  ) {
    let width = output.width
    for row in rows {
      (target + row * stride).update(from: source.start + row * source.stride, count: width)
    }
  }
}

extension TensorView {
  fileprivate var lab: lab_rows { lab_rows(start: floats, stride: stride, repeats: 1) }

  /// Rows broadcast to `rows`: each is used for `rows / self.rows` consecutive rows.
  fileprivate func lab(of rows: Int) -> lab_rows {
    lab_rows(start: floats, stride: stride, repeats: max(1, rows / max(1, self.rows)))
  }
}

extension Activation {
  fileprivate var mode: Int32 { Int32(kernelMode) }
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
    let region = RowRegion(backend: self, rule: rule, input: input, output: output)
    // Waking the other workers would take longer.
    guard output.count >= Self.minFloatsToSplit else { return region.run(0..<output.rows) }
    run(region) { RowRegion.enter($0, $1) }
  }

  static var minFloatsToSplit: Int { 8_192 }

  package func linear(
    _ input: TensorView, _ linear: LinearParameters, _ epilogue: Epilogue, into output: TensorView
  ) {
    let source = Rows(input.floats, stride: input.stride)
    let target = Rows(output.floats, stride: output.stride)
    switch (epilogue.activation, epilogue.residual) {
    case (.identity, nil): apply(linear, source, rows: input.rows, into: target)
    case (.gelu, nil): apply(linear, source, rows: input.rows, into: target, .gelu)
    case (.identity, let residual?) where residual.floats == output.floats:
      apply(linear, source, rows: input.rows, into: target, .add)
    default:
      if linearGEMM == .packed { return convolveRows(input, linear, epilogue, into: output) }
      // The other engines do not fuse this epilogue: it runs separately.
      let product = TensorView(
        temporary(.product, Shape(output.rows, linear.outputs), .float32))
      apply(
        linear, source, rows: input.rows, into: Rows(product.floats, stride: product.stride))
      finish(product, epilogue, into: output)
    }
  }

  /// Applies activation and residual to rows of a finished GEMM.
  private func finish(_ product: TensorView, _ epilogue: Epilogue, into output: TensorView) {
    switch epilogue.residual {
    case let residual? where epilogue.activatesSum:
      add(product, residual, epilogue.activation, into: output)
    case let residual?:
      activate(product, epilogue.activation, into: product)
      add(product, residual, .identity, into: output)
    case nil: activate(product, epilogue.activation, into: output)
    }
  }
}
