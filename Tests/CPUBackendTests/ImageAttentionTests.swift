import CKernels
import Foundation
import Testing
import _TestSupport

/// Window attention and linear attention against plain loops in double precision.
@Suite struct ImageAttentionTests {
  struct Windows: Sendable, CustomStringConvertible {
    var side: (height: Int, width: Int)
    var window: (height: Int, width: Int)
    var heads: Int
    var keyDim: Int
    var valueDim: Int
    var shift = 0
    var isGrid = false
    var hasBias = true

    var description: String { "\(side) in \(window), \(heads) x \(keyDim), \(valueDim), \(shift)" }
    var tokens: Int { window.height * window.width }
    var pixels: Int { side.height * side.width }

    /// A pixel's window, its index in the window, and its region, outside of which it does not
    /// attend.
    func place(_ y: Int, _ x: Int) -> (window: Int, token: Int, region: Int) {
      let (down, across) = (side.height / window.height, side.width / window.width)
      if isGrid {
        return (y % down * across + x % across, y / down * window.width + x / across, 0)
      }
      let (sy, sx) = (
        (y - shift + side.height) % side.height, (x - shift + side.width) % side.width
      )
      // Pixels that were rolled in from the opposite border.
      let region = (shift > 0 && y < shift ? 2 : 0) + (shift > 0 && x < shift ? 1 : 0)
      return (
        sy / window.height * across + sx / window.width,
        sy % window.height * window.width + sx % window.width, region
      )
    }
  }

  static let windows: [Windows] = [
    Windows(side: (14, 21), window: (7, 7), heads: 3, keyDim: 32, valueDim: 32),
    Windows(side: (14, 14), window: (7, 7), heads: 2, keyDim: 32, valueDim: 32, shift: 3),
    Windows(side: (8, 12), window: (4, 4), heads: 2, keyDim: 5, valueDim: 9, shift: 1),
    Windows(side: (7, 7), window: (7, 7), heads: 1, keyDim: 16, valueDim: 42),
    Windows(side: (4, 4), window: (4, 4), heads: 2, keyDim: 16, valueDim: 96, hasBias: false),
    Windows(side: (12, 12), window: (12, 12), heads: 2, keyDim: 32, valueDim: 32),
    Windows(
      side: (8, 12), window: (4, 6), heads: 2, keyDim: 9, valueDim: 9, isGrid: true, hasBias: false),
    Windows(side: (1, 1), window: (1, 1), heads: 1, keyDim: 1, valueDim: 1),
    Windows(side: (3, 40), window: (3, 40), heads: 1, keyDim: 20, valueDim: 33, hasBias: false),
  ]

  @Test(arguments: windows)
  func `window attention matches the reference`(each: Windows) { Self.check(each) }

  @Test func `the result for an image does not depend on the batch`() {
    for each in Self.windows {
      let inputs = Inputs(each, images: 3)
      let together = Self.run(each, inputs, images: 3)
      let alone = Self.run(each, inputs, images: 1)
      #expect(Array(together.prefix(alone.count)) == alone, "\(each)")
    }
  }

  @Test func `NaN stays within its window`() {
    let each = Self.windows[0]
    var inputs = Inputs(each, images: 1)
    inputs.qkv[inputs.row * (3 * 21 + 16)] = .nan
    let out = Self.run(each, inputs, images: 1)
    for (index, value) in out.enumerated() {
      let (pixel, head) = (index / 96, index % 96 / 32)
      #expect(value.isNaN == (pixel == 3 * 21 + 16 && head == 0))
    }
  }

  #if arch(x86_64) && os(Linux)
    @Test func `AVX2 attention matches the reference`() async {
      await #expect(processExitsWith: .success) {
        setenv("LAB_KERNELS", "avx2", 1)
        Self.checkAll(kernels: "AVX2 6x16")
      }
    }

    @Test func `baseline x86-64 attention matches the reference`() async {
      await #expect(processExitsWith: .success) {
        setenv("LAB_KERNELS", "sse2", 1)
        Self.checkAll(kernels: "SSE2 6x8")
      }
    }
  #endif

  private static func checkAll(kernels: String) {
    #expect(String(cString: lab_gemm_kernels()) == kernels)
    for each in windows { check(each) }
    for each in linear { check(each) }
  }

  // MARK: - Windows

  struct Inputs {
    var qkv: [Float]
    var bias: [Float]
    let row: Int

    init(_ each: Windows, images: Int) {
      row = each.heads * (2 * each.keyDim + each.valueDim) + 3
      qkv = randomFloats(images * each.pixels * row, seed: 1).map { 2 * $0 }
      bias = randomFloats(each.heads * each.tokens * each.tokens, seed: 2)
    }
  }

  private static func run(_ each: Windows, _ inputs: Inputs, images: Int) -> [Float] {
    let width = each.heads * each.valueDim
    var out = [Float](repeating: .nan, count: images * each.pixels * width)
    inputs.qkv.withUnsafeBufferPointer { qkv in
      inputs.bias.withUnsafeBufferPointer { bias in
        out.withUnsafeMutableBufferPointer { out in
          let keys = each.heads * each.keyDim
          func view(_ first: Int, _ dim: Int) -> lab_view {
            lab_view(start: qkv.baseAddress.map { $0 + first }, pixel: inputs.row, head: dim)
          }
          var attention = lab_window_attention(
            images: images, height: each.side.height, width: each.side.width,
            window_height: each.window.height, window_width: each.window.width,
            shift_y: each.shift, shift_x: each.shift, is_grid: each.isGrid, heads: each.heads,
            key_dim: each.keyDim, value_dim: each.valueDim, q: view(0, each.keyDim),
            k: view(keys, each.keyDim), v: view(2 * keys, each.valueDim), scale: 0.3,
            bias: each.hasBias ? bias.baseAddress : nil, out: out.baseAddress, out_pixel: width,
            out_head: each.valueDim)
          var scratch = [Float](
            repeating: .nan, count: lab_window_attention_scratch_count(&attention))
          for task in (0..<lab_window_attention_tasks(&attention)).reversed() {
            lab_attend_windows(&attention, task, task + 1, &scratch)
          }
        }
      }
    }
    return out
  }

  private static func check(_ each: Windows) {
    let inputs = Inputs(each, images: 2)
    let out = run(each, inputs, images: 2)
    let (keys, width) = (each.heads * each.keyDim, each.heads * each.valueDim)
    var worst = 0.0
    for image in 0..<2 {
      for pixel in 0..<each.pixels {
        let own = each.place(pixel / each.side.width, pixel % each.side.width)
        let others = (0..<each.pixels).filter {
          let other = each.place($0 / each.side.width, $0 % each.side.width)
          return other.window == own.window && other.region == own.region
        }
        func number(_ pixel: Int, _ at: Int) -> Double {
          Double(inputs.qkv[(image * each.pixels + pixel) * inputs.row + at])
        }
        for head in 0..<each.heads {
          let logits = others.map { other in
            let dot = (0..<each.keyDim).reduce(0.0) {
              let at = head * each.keyDim + $1
              return $0 + number(pixel, at) * number(other, keys + at)
            }
            let token = each.place(other / each.side.width, other % each.side.width).token
            let bias = inputs.bias[(head * each.tokens + own.token) * each.tokens + token]
            return 0.3 * dot + (each.hasBias ? Double(bias) : 0)
          }
          let weights = ReferenceOps.softmax(logits)
          for c in 0..<each.valueDim {
            let at = head * each.valueDim + c
            let expected = zip(weights, others).reduce(0.0) {
              $0 + $1.0 * number($1.1, 2 * keys + at)
            }
            let found = Double(out[(image * each.pixels + pixel) * width + at])
            worst = max(worst, found.isNaN ? .infinity : abs(found - expected))
          }
        }
      }
    }
    #expect(worst < 1e-5, "\(each)")
  }

  // MARK: - Without softmax

  struct Linear: Sendable {
    var pixels: Int
    var heads: Int
    var keyDim: Int
    var valueDim: Int
  }

  static let linear: [Linear] = [
    Linear(pixels: 196, heads: 4, keyDim: 16, valueDim: 16),
    Linear(pixels: 49, heads: 2, keyDim: 32, valueDim: 32),
    Linear(pixels: 81, heads: 3, keyDim: 5, valueDim: 5),
    Linear(pixels: 1, heads: 1, keyDim: 7, valueDim: 20),
    Linear(pixels: 600, heads: 1, keyDim: 40, valueDim: 17),
  ]

  @Test(arguments: linear)
  func `ReLU attention matches the reference`(each: Linear) { Self.check(each) }

  private static func check(_ each: Linear) {
    let row = each.heads * (2 * each.keyDim + each.valueDim) + 1
    let qkv = randomFloats(2 * each.pixels * row, seed: 1)
    for isReduced in [false, true] where !isReduced || each.keyDim == each.valueDim {
      let out = run(each, qkv, row, isReduced)
      let width = each.heads * each.valueDim
      for image in 0..<2 {
        for head in 0..<each.heads {
          func number(_ pixel: Int, _ part: Int, _ c: Int) -> Double {
            let first = head * (2 * each.keyDim + each.valueDim)
            return Double(qkv[(image * each.pixels + pixel) * row + first + part * each.keyDim + c])
          }
          func relu(_ x: Double) -> Double { max(x, 0) }
          let pixels = 0..<each.pixels
          let keySums = (0..<each.keyDim).map { c in
            pixels.reduce(0.0) { $0 + relu(number($1, 1, c)) }
          }
          let sums = (0..<each.keyDim).map { c in
            (0..<each.valueDim).map { v in
              pixels.reduce(0.0) { $0 + relu(number($1, 1, c)) * number($1, 2, v) }
            }
          }
          for pixel in pixels {
            let query = (0..<each.keyDim).map { relu(number(pixel, 0, $0)) }
            let total = zip(query, keySums).reduce(0) { $0 + $1.0 * $1.1 }
            for v in 0..<each.valueDim {
              let expected =
                isReduced
                ? query[v] * sums[v][v] / max(total, 1e-5)
                : (0..<each.keyDim).reduce(0) { $0 + query[$1] * sums[$1][v] } / (total + 1e-5)
              let found = out[
                (image * each.pixels + pixel) * width + head * each.valueDim + v]
              #expect(abs(Double(found) - expected) < 1e-5 * max(1, abs(expected)))
            }
          }
        }
      }
    }
  }

  private static func run(_ each: Linear, _ qkv: [Float], _ row: Int, _ isReduced: Bool) -> [Float]
  {
    let head = 2 * each.keyDim + each.valueDim
    var out = [Float](repeating: .nan, count: 2 * each.pixels * each.heads * each.valueDim)
    qkv.withUnsafeBufferPointer { qkv in
      out.withUnsafeMutableBufferPointer { out in
        func view(_ part: Int) -> lab_view {
          lab_view(
            start: qkv.baseAddress.map { $0 + part * each.keyDim }, pixel: row, head: head)
        }
        var attention = lab_linear_attention(
          images: 2, pixels: each.pixels, heads: each.heads, key_dim: each.keyDim,
          value_dim: each.valueDim, q: view(0), k: view(1), v: view(2), epsilon: 1e-5,
          out: out.baseAddress, out_pixel: each.heads * each.valueDim, out_head: each.valueDim)
        var scratch = [Float](
          repeating: .nan, count: lab_linear_attention_scratch_count(&attention))
        for task in (0..<lab_linear_attention_tasks(&attention)).reversed() {
          if isReduced {
            lab_attend_reduced(&attention, task, task + 1, &scratch)
          } else {
            lab_attend_linear(&attention, task, task + 1, &scratch)
          }
        }
      }
    }
    return out
  }
}
