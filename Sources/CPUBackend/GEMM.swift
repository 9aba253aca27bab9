import CKernels
import COpenBLAS
import Tensors

/// The epilogue of a matrix product, applied to its sums.
enum GEMMEpilogue {
  case none, add, gelu

  var kernelMode: Int32 {
    switch self {
    case .none: Int32(LAB_EPILOGUE_NONE)
    case .add: Int32(LAB_EPILOGUE_ADD)
    case .gelu: Int32(LAB_EPILOGUE_GELU)
    }
  }
}

/// The implementation of matrix products, which determines the layout of a weight.
enum GEMM: Hashable, Sendable {
  /// Our kernels on float32 weights in panels.
  case packed
  /// The system's BLAS on unpacked weights.
  case blas
  /// Our kernels on panels of bfloat16, with rows rounded to it.
  case bfloat16
  /// Our kernels on panels of int8, with rows quantized one by one.
  case int8

  /// Whether rows are rounded before they are multiplied.
  var roundsRows: Bool { self == .bfloat16 || self == .int8 }

  /// Panels of a weight with a number of columns: the parts that workers share a product by.
  func panels(_ columns: Int) -> Int {
    switch self {
    case .packed, .blas: lab_panels(columns)
    case .bfloat16: lab_bfloat16_panels(columns)
    case .int8: lab_int8_panels(columns)
    }
  }

  /// Floats of memory that a hidden row of a feed-forward network takes.
  func hiddenFloats(_ width: Int, isGated: Bool) -> Int {
    self == .bfloat16 && !isGated ? Operand.floats(rows: 1, k: width) : width
  }

  var panelWidth: Int {
    switch self {
    case .packed, .blas: lab_panel_width()
    case .bfloat16: lab_bfloat16_panel_width()
    case .int8: lab_int8_panel_width()
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

/// Rows of floats in memory, `stride` apart.
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

/// Rows in the form that a product reads: floats, or rounded values.
struct Operand {
  let start: UnsafeMutableRawPointer
  /// Bytes from row to row.
  let stride: Int
  /// Of each row, where it is int8.
  let scales: UnsafeMutablePointer<Float>?

  init(_ rows: Rows) {
    start = UnsafeMutableRawPointer(rows.start)
    stride = rows.stride * MemoryLayout<Float>.stride
    scales = nil
  }

  private init(
    _ start: UnsafeMutableRawPointer, stride: Int, scales: UnsafeMutablePointer<Float>?
  ) {
    self.start = start
    self.stride = stride
    self.scales = scales
  }

  /// Room for `rows` rounded rows of `k` numbers in memory of `Operand.floats(rows:k:)` floats.
  init(in memory: Tensor, rows: Int, k: Int, _ gemm: GEMM) {
    start = UnsafeMutableRawPointer(memory.floats)
    stride = Self.stride(k, gemm)
    scales =
      gemm == .int8 ? (start + rows * stride).assumingMemoryBound(to: Float.self) : nil
  }

  /// Floats of memory for rounded rows, at most.
  static func floats(rows: Int, k: Int) -> Int {
    rows * (stride(k, .bfloat16) / MemoryLayout<Float>.stride + 1)
  }

  /// Bytes of a rounded row: an odd number of cache lines, so that the rows of a tile lie in
  /// different sets of the L1 cache.
  private static func stride(_ k: Int, _ gemm: GEMM) -> Int {
    let bytes = gemm == .int8 ? lab_int8_row_bytes(k) : lab_bfloat16_row_bytes(k)
    return ((bytes + 63) / 64 | 1) * 64
  }

  func from(_ row: Int) -> Operand {
    Operand(start + row * stride, stride: stride, scales: scales.map { $0 + row })
  }

  /// Rounds rows of `k` numbers into this memory.
  func take(_ rows: Rows, count: Int, k: Int) {
    if let scales {
      lab_quantize_rows_int8(rows.start, count, k, rows.stride, start, stride, scales)
    } else {
      lab_round_rows_bfloat16(rows.start, count, k, rows.stride, start, stride)
    }
  }
}

extension LinearParameters {
  /// Some panels of the layer over `rows` rows; `next` is the panel that this worker will probably
  /// take afterwards.
  func apply(
    _ input: Operand, rows: Int, panels: Range<Int>, next: Int? = nil, into output: Rows,
    _ epilogue: GEMMEpilogue, _ gemm: GEMM, scratch: Scratch
  ) {
    switch gemm {
    case .packed:
      lab_product(
        input.start.assumingMemoryBound(to: Float.self), rows,
        input.stride / MemoryLayout<Float>.stride, weight.floats, outputs, inputs,
        panels.lowerBound, panels.upperBound, next.map { .panel($0) } ?? .nothing, bias.floats,
        epilogue.kernelMode, output.start, output.stride, scratch.product.floats)
    case .blas: applyByBLAS(input, rows: rows, panels: panels, into: output, epilogue)
    case .bfloat16:
      lab_product_bfloat16(
        input.start, rows, input.stride, weight.storage.address, outputs, inputs,
        panels.lowerBound, panels.upperBound, (next ?? -1) + 1, bias.floats, epilogue.kernelMode,
        output.start, output.stride)
    case .int8:
      lab_product_int8(
        input.start, input.scales, rows, input.stride, weight.storage.address, outputs, inputs,
        panels.lowerBound, panels.upperBound, (next ?? -1) + 1, bias.floats, epilogue.kernelMode,
        output.start, output.stride)
    }
  }

  /// The layer with GELU, whose results are rounded to bfloat16 at once.
  func applyGELU(
    _ input: Operand, rows: Int, into output: Operand, scratch: Scratch
  ) {
    lab_product_bfloat16_gelu(
      input.start, rows, input.stride, weight.storage.address, outputs, inputs, 0,
      GEMM.bfloat16.panels(outputs), bias.floats, output.start, output.stride)
  }

  private func applyByBLAS(
    _ input: Operand, rows: Int, panels: Range<Int>, into output: Rows,
    _ epilogue: GEMMEpilogue
  ) {
    let first = panels.lowerBound * lab_panel_width()
    let count = min(outputs, panels.upperBound * lab_panel_width()) - first
    guard count > 0, rows > 0 else { return }
    let target = output.start + first
    for row in 0..<rows {
      let line = target + row * output.stride
      if epilogue == .add {
        lab_add_into(line, bias.floats + first, count)
      } else {
        line.update(from: bias.floats + first, count: count)
      }
    }
    lab_blas_product(
      true, Int32(rows), Int32(count), Int32(inputs),
      input.start.assumingMemoryBound(to: Float.self),
      Int32(input.stride / MemoryLayout<Float>.stride), weight.floats + first * inputs,
      Int32(inputs), 1, target, Int32(output.stride))
    if epilogue == .gelu { lab_gelu(target, rows, count, output.stride) }
  }
}

extension LayerNormParameters {
  func apply(_ input: UnsafePointer<Float>, rows: Int, into output: Rows) {
    let width = weight.shape[0]
    // Read once and not at every row, where workers would take the reference count from each other.
    let (scale, shift, stride) = (weight.floats, bias.floats, output.stride)
    for row in 0..<rows {
      lab_layer_norm(
        input + row * width, scale, shift, epsilon, 1, width, output.start + row * stride)
    }
  }
}
