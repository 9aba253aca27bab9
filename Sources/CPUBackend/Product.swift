import CKernels
import Tensors

/// What becomes of a product in the same pass over its numbers.
enum ProductEnd {
  case replace, add, gelu

  var kernelMode: Int32 {
    switch self {
    case .replace: Int32(LAB_THEN_NOTHING)
    case .add: Int32(LAB_THEN_ADD)
    case .gelu: Int32(LAB_THEN_GELU)
    }
  }
}

extension lab_fetch {
  static var nothing: lab_fetch { lab_fetch() }

  /// A panel of the same packed factor.
  static func panel(_ index: Int) -> lab_fetch {
    var fetch = lab_fetch()
    fetch.panel_after = index + 1
    return fetch
  }
}

/// Rows of numbers in memory, `stride` apart.
struct Rows {
  let start: UnsafeMutablePointer<Float>
  let stride: Int

  init(_ start: UnsafeMutablePointer<Float>, stride: Int) {
    self.start = start
    self.stride = stride
  }

  func from(_ row: Int) -> Rows { Rows(start + row * stride, stride: stride) }

  /// A row length for scratch memory: no multiple of a page, at which the rows of a tile would
  /// share one set of the L1 cache.
  static func stride(_ width: Int) -> Int { width % 1024 == 0 ? width + 16 : width }
}

extension LinearParameters {
  /// Panels of the packed weight.
  var panels: Int { lab_panels(outputs) }

  /// Some panels of the layer over `rows` rows; `next` is the panel that this worker will probably
  /// take afterwards.
  func apply(
    _ input: Rows, rows: Int, panels: Range<Int>, next: Int? = nil, into output: Rows,
    end: ProductEnd, scratch: Scratch
  ) {
    lab_product(
      input.start, rows, input.stride, weight.floats, outputs, inputs, panels.lowerBound,
      panels.upperBound, next.map { .panel($0) } ?? .nothing, bias.floats, end.kernelMode,
      output.start, output.stride, scratch.product.floats)
  }
}

extension LayerNormParameters {
  func apply(_ input: UnsafePointer<Float>, rows: Int, into output: Rows) {
    let width = weight.shape[0]
    for row in 0..<rows {
      lab_layer_norm(
        input + row * width, weight.floats, bias.floats, epsilon, 1, width,
        output.start + row * output.stride)
    }
  }
}
