import CKernels
import Measurement

/// All tables, against a bound that is measured first.
struct KernelBenchmarks {
  private let openBLAS = OpenBLAS()
  private let scratch = buffer(lab_gemm_scratch_count(1024))
  /// GFLOP/s of a product whose numbers all stay in the L1 cache: what the multipliers can do.
  let peak: Double

  init() {
    let (rows, columns, k) = (12, lab_panel_width(), 128)
    let (a, b, c) = (buffer(rows * k), buffer(columns * k), buffer(rows * columns))
    defer { for each in [a, b, c] { each.deallocate() } }
    let copies = scratch
    let seconds = leastSeconds(
      [
        {
          lab_gemm(
            a, rows, k, b, columns, k, 0, 1, lab_prefetch(), nil, Int32(LAB_EPILOGUE_NONE), c,
            columns, copies)
        }
      ], rounds: 60)[0]
    peak = 2 * Double(rows * columns * k) / seconds / 1e9
    let other = openBLAS?.name ?? "no OpenBLAS found"
    print("lab \(String(cString: lab_gemm_kernels())), one core; \(other)\n")
    print("A product in the L1 cache: \(formatted(peak)) GFLOP/s, the bound below.\n")
  }

  /// Layers of DeiT-T, S and B over all 197 tokens of an image, over half of them and over the
  /// tokens of four images.
  func printProducts() {
    print(
      "| layer | rows | columns | k | lab GFLOP/s | of the bound | OpenBLAS GFLOP/s | lab / OpenBLAS, time |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for width in [192, 384, 768] {
      let layers = [
        ("qkv", 3 * width, width), ("projection", width, width), ("fc1", 4 * width, width),
        ("fc2", width, 4 * width),
      ]
      for (name, columns, k) in layers {
        for rows in [197, 99, 788] { printProduct("\(name) of \(width)", rows, columns, k) }
      }
    }
    printProduct("head of 384", 1, 1000, 384)
    printProduct("head of 384", 8, 1000, 384)
    print("")
  }

  private func printProduct(_ name: String, _ rows: Int, _ columns: Int, _ k: Int) {
    let (a, b, c) = (buffer(rows * k), buffer(columns * k), buffer(rows * columns))
    let packed = buffer(lab_packed_count(columns, k))
    lab_pack_plain(b, columns, k, columns, packed)
    defer { for each in [a, b, c, packed] { each.deallocate() } }
    var bodies: [() -> Void] = [
      {
        // As a forward pass does it: blocks of at most 256 rows.
        let blocks = (rows + 255) / 256
        for block in 0..<blocks {
          let (first, last) = (rows * block / blocks, rows * (block + 1) / blocks)
          lab_gemm(
            a + first * k, last - first, k, packed, columns, k, 0, lab_panels(columns),
            lab_prefetch(), nil, Int32(LAB_EPILOGUE_NONE), c + first * columns, columns, scratch)
        }
      }
    ]
    if let openBLAS {
      bodies.append {
        openBLAS.multiply(a, b, into: c, rows: rows, columns: columns, k: k)
      }
    }
    let seconds = leastSeconds(bodies)
    let work = 2 * Double(rows * columns * k) / 1e9
    let own = work / seconds[0]
    var line =
      "| \(name) | \(rows) | \(columns) | \(k) | \(formatted(own)) | \(formatted(100 * own / peak, 0)) % "
    if seconds.count > 1 {
      line += "| \(formatted(work / seconds[1])) | \(formatted(seconds[0] / seconds[1], 2)) |"
    } else {
      line += "| – | – |"
    }
    print(line)
  }

  /// The kernels that move more than they multiply, over one image of DeiT-S; compared with a copy
  /// of as many bytes.
  func printRowKernels() {
    let (tokens, width, heads) = (197, 384, 6)
    let headDim = width / heads
    let (stream, hidden) = (buffer(tokens * width), buffer(tokens * 4 * width))
    let (qkv, out) = (buffer(tokens * 3 * width), buffer(tokens * 4 * width))
    let (weight, bias) = (buffer(width), buffer(width))
    let (stride, logits) = (208, buffer(tokens * 208))
    let packed = buffer(lab_packed_count(tokens, headDim) + lab_packed_count(headDim, tokens))
    let (offsets, sources) = (
      UnsafeMutablePointer<Int32>.allocate(capacity: tokens + 1),
      UnsafeMutablePointer<Int32>.allocate(capacity: tokens)
    )
    for token in 0..<tokens {
      offsets[token] = Int32(token)
      sources[token] = Int32(token * 31 % tokens)
    }
    offsets[tokens] = Int32(tokens)
    let scores = buffer(tokens)
    // In place again and again these would run on ever smaller numbers; what the copy costs is
    // taken off below.
    func refreshed() -> UnsafeMutablePointer<Float> {
      out.update(from: hidden, count: tokens * 4 * width)
      return out
    }
    // Name, numbers read and written, body.
    let kernels: [(String, Int, () -> Void)] = [
      (
        "LayerNorm", 2 * tokens * width,
        { lab_layer_norm(stream, weight, bias, 1e-6, tokens, width, out) }
      ),
      ("GELU", 2 * tokens * 4 * width, { lab_gelu(refreshed(), tokens, 4 * width, 4 * width) }),
      ("SwiGLU", 3 * tokens * 2 * width, { lab_swiglu(refreshed(), tokens, 2 * width, 4 * width) }),
      (
        "softmax of a head", 2 * tokens * tokens,
        { lab_softmax_rows(logits, 0.125, nil, tokens, tokens, stride) }
      ),
      (
        "packing keys of a head", 2 * tokens * headDim,
        {
          lab_pack_transposed(
            qkv + width, tokens, headDim, 3 * width, 0, lab_panels(tokens), packed)
        }
      ),
      (
        "packing values of a head", 2 * tokens * headDim,
        { lab_pack_plain(qkv + 2 * width, headDim, tokens, 3 * width, packed) }
      ),
      ("maximum over heads", 3 * tokens * stride, { lab_max_into(out, logits, tokens * stride) }),
      ("column sums", tokens * tokens, { lab_column_sums(logits, tokens, tokens, stride, out) }),
      (
        "feature scores", tokens * width,
        { lab_feature_scores(qkv, tokens, 3 * width, heads, headDim, Int32(LAB_HEADS_MAX), scores) }
      ),
      (
        "key metric", tokens * width,
        { lab_key_metric(qkv, tokens, 3 * width, heads, headDim, out) }
      ),
      (
        "gathering tokens", 2 * tokens * width,
        {
          lab_assemble(
            stream, width, offsets, sources, Int32(LAB_WEIGHT_MEAN), -1, nil, nil, 0, tokens, out,
            nil)
        }
      ),
    ]
    print("| kernel (DeiT-S, one image) | µs | GB/s | copy of as many bytes, GB/s | of the copy |")
    print("|---|---|---|---|---|")
    for (name, numbers, body) in kernels {
      let (from, to) = (buffer(numbers / 2), buffer(numbers / 2))
      var seconds = leastSeconds([
        body, { to.update(from: from, count: numbers / 2) }, { _ = refreshed() },
      ])
      if name.hasSuffix("GLU") || name == "GELU" { seconds[0] -= seconds[2] }
      let bytes = Double(4 * numbers) / 1e9
      print(
        "| \(name) | \(formatted(seconds[0] * 1e6)) | \(formatted(bytes / seconds[0])) "
          + "| \(formatted(bytes / seconds[1])) | \(formatted(100 * seconds[1] / seconds[0], 0)) % |"
      )
      from.deallocate()
      to.deallocate()
    }
  }
}
