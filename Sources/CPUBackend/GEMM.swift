import CKernels
import COpenBLAS
import Tensors

/// The epilogue of a GEMM.
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

/// The GEMM implementation, which determines the layout of a weight.
enum GEMM: Hashable, Sendable {
  /// Our kernels on float32 weights in panels.
  case packed
  /// The system's BLAS on unpacked weights.
  case blas
  /// Our kernels on panels of bfloat16, with rows rounded to bfloat16.
  case bfloat16
  /// Our kernels on panels of int8, with rows quantized to int8, one scale per row.
  case int8

  /// Whether rows are rounded before they are multiplied.
  var roundsRows: Bool { self == .bfloat16 || self == .int8 }

  /// The number of panels of a weight; panels are the units that workers share.
  func panels(_ columns: Int) -> Int {
    switch self {
    case .packed, .blas: lab_panels(columns)
    case .bfloat16: lab_bfloat16_panels(columns)
    case .int8: lab_int8_panels(columns)
    }
  }

  /// The size in floats of one hidden row of a feed-forward network.
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

extension lab_prefetch {
  static var nothing: lab_prefetch { lab_prefetch() }

  /// Prefetches a panel of the same weight.
  static func panel(_ index: Int) -> lab_prefetch {
    var fetch = lab_prefetch()
    fetch.next_panel = index + 1
    return fetch
  }
}

/// Rows of floats in memory; `stride` is in floats.
struct Rows {
  let start: UnsafeMutablePointer<Float>
  let stride: Int

  init(_ start: UnsafeMutablePointer<Float>, stride: Int) {
    self.start = start
    self.stride = stride
  }

  func from(_ row: Int) -> Rows { Rows(start + row * stride, stride: stride) }

  /// A row stride for scratch memory: not a multiple of 4 KiB, at which all rows of a tile would be
  /// in the same set of the L1 cache.
  static func stride(_ width: Int) -> Int { width % 1024 == 0 ? width + 16 : width }
}

/// Rows in the form that a GEMM reads: floats, or rounded values.
struct Operand {
  let start: UnsafeMutableRawPointer
  /// The row stride in bytes.
  let stride: Int
  /// One scale for each row of int8; else `nil`.
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

  /// Uses `memory`, of `Operand.floats(rows:k:)` floats, for `rows` rounded rows of `k` elements.
  init(in memory: Tensor, rows: Int, k: Int, _ gemm: GEMM) {
    start = UnsafeMutableRawPointer(memory.floats)
    stride = Self.stride(k, gemm)
    scales =
      gemm == .int8 ? (start + rows * stride).assumingMemoryBound(to: Float.self) : nil
  }

  /// The maximum number of floats that rounded rows need.
  static func floats(rows: Int, k: Int) -> Int {
    rows * (stride(k, .bfloat16) / MemoryLayout<Float>.stride + 1)
  }

  /// The stride of rounded rows in bytes: an odd number of cache lines, so that the rows of a tile
  /// are in different sets of the L1 cache.
  private static func stride(_ k: Int, _ gemm: GEMM) -> Int {
    let bytes = gemm == .int8 ? lab_int8_row_bytes(k) : lab_bfloat16_row_bytes(k)
    return ((bytes + 63) / 64 | 1) * 64
  }

  func from(_ row: Int) -> Operand {
    Operand(start + row * stride, stride: stride, scales: scales.map { $0 + row })
  }

  /// Rounds `count` rows of `k` floats into this memory.
  func round(_ rows: Rows, count: Int, k: Int) {
    if let scales {
      lab_quantize_rows_int8(rows.start, count, k, rows.stride, start, stride, scales)
    } else {
      lab_round_rows_bfloat16(rows.start, count, k, rows.stride, start, stride)
    }
  }
}

extension LinearParameters {
  /// Applies some panels of the layer to `rows` rows; `next` is the panel that this worker will
  /// probably use next, which is prefetched.
  func apply(
    _ input: Operand, rows: Int, panels: Range<Int>, next: Int? = nil, into output: Rows,
    _ epilogue: GEMMEpilogue, _ gemm: GEMM, scratch: Scratch
  ) {
    switch gemm {
    case .packed:
      lab_gemm(
        input.start.assumingMemoryBound(to: Float.self), rows,
        input.stride / MemoryLayout<Float>.stride, weight.floats, outputs, inputs,
        panels.lowerBound, panels.upperBound, next.map { .panel($0) } ?? .nothing, bias.floats,
        epilogue.kernelMode, output.start, output.stride, scratch.product.floats)
    case .blas: applyByBLAS(input, rows: rows, panels: panels, into: output, epilogue)
    case .bfloat16:
      lab_gemm_bfloat16(
        input.start, rows, input.stride, weight.storage.address, outputs, inputs,
        panels.lowerBound, panels.upperBound, (next ?? -1) + 1, bias.floats, epilogue.kernelMode,
        output.start, output.stride)
    case .int8:
      lab_gemm_int8(
        input.start, input.scales, rows, input.stride, weight.storage.address, outputs, inputs,
        panels.lowerBound, panels.upperBound, (next ?? -1) + 1, bias.floats, epilogue.kernelMode,
        output.start, output.stride)
    }
  }

  /// Applies the layer with GELU and rounds the result to bfloat16.
  func applyGELU(
    _ input: Operand, rows: Int, into output: Operand, scratch: Scratch
  ) {
    lab_gemm_bfloat16_gelu(
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
    // Read before the loop: each access to a tensor changes its reference count, for which workers
    // would contend.
    let (scale, shift, stride) = (weight.floats, bias.floats, output.stride)
    for row in 0..<rows {
      lab_layer_norm(
        input + row * width, scale, shift, epsilon, 1, width, output.start + row * stride)
    }
  }
}
