import CKernels
import Tensors

/// The first and the last operation of a forward pass.
extension CPUBackend {
  package func embedPatches(_ images: Tensor, _ embedding: PatchEmbedding, into tokens: Tensor) {
    let call = EmbeddingCall(
      gemm: linearGEMM, images: images, embedding: embedding, tokens: tokens)
    let batch = images.shape[0]
    reserveOperands(rows: call.patches, k: call.k)
    if batch >= threads {
      run(EmbeddingRegion(backend: self, call: call, part: .wholeImages)) {
        EmbeddingRegion.enter($0, $1)
      }
    } else {
      for image in 0..<batch {
        run(EmbeddingRegion(backend: self, call: call, part: .unfolding(image))) {
          EmbeddingRegion.enter($0, $1)
        }
        run(EmbeddingRegion(backend: self, call: call, part: .product(image))) {
          EmbeddingRegion.enter($0, $1)
        }
      }
    }
    for image in 0..<batch {
      call.row(image, 0).update(from: embedding.prefix.floats, count: call.prefix * call.width)
    }
  }

  package func poolTokens(
    _ stream: Tensor, norm: LayerNormParameters, _ kind: TokenPooling, into features: Tensor
  ) {
    run(
      TokenPoolingRegion(backend: self, stream: stream, norm: norm, kind: kind, features: features)
    ) { TokenPoolingRegion.enter($0, $1) }
  }
}

/// Sizes and pointers of one patch embedding, shared by its workers.
private struct EmbeddingCall {
  let gemm: GEMM
  let images: Tensor
  let embedding: PatchEmbedding
  let tokens: Tensor

  var side: Int { images.shape[2] }
  var patch: Int { embedding.patchSize }
  var grid: Int { side / patch }
  var patches: Int { grid * grid }
  var k: Int { 3 * patch * patch }
  var width: Int { tokens.shape[2] }
  var prefix: Int { tokens.shape[1] - patches }

  func row(_ image: Int, _ token: Int) -> UnsafeMutablePointer<Float> {
    tokens.floats + (image * tokens.shape[1] + token) * width
  }

  /// Copies patches to rows `[channel][y][x]`.
  func unfold(_ image: Int, _ rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    let source = images.floats + image * 3 * side * side
    for row in rows {
      let corner = row / grid * patch * side + row % grid * patch
      for channel in 0..<3 {
        for y in 0..<patch {
          let line = source + channel * side * side + corner + y * side
          (output + row * k + (channel * patch + y) * patch).update(from: line, count: patch)
        }
      }
    }
  }

  /// The unfolded patches in the form that the GEMM reads, in `scratch`.
  func operand(in scratch: Scratch) -> Operand {
    gemm.roundsRows
      ? Operand(in: scratch.operand, rows: patches, k: k, gemm)
      : Operand(Rows(scratch.unfolded.floats, stride: k))
  }

  /// Unfolds some patches, and rounds them if the GEMM needs it.
  func prepare(_ image: Int, _ rows: Range<Int>, _ scratch: Scratch) {
    unfold(image, rows, into: scratch.unfolded.floats)
    guard gemm.roundsRows else { return }
    operand(in: scratch).from(rows.lowerBound).round(
      Rows(scratch.unfolded.floats, stride: k).from(rows.lowerBound), count: rows.count, k: k)
  }

  /// Multiplies by some panels and adds the result to the position embeddings.
  func multiply(_ image: Int, _ panels: Range<Int>, _ input: Operand, _ scratch: Scratch) {
    let linear = embedding.linear
    let width = gemm.panelWidth
    let first = panels.lowerBound * width
    let count = min(self.width, panels.upperBound * width) - first
    let output = row(image, prefix)
    let positions = embedding.positions.floats
    for patch in 0..<patches {
      (output + patch * self.width + first).update(
        from: positions + patch * self.width + first, count: count)
    }
    linear.apply(
      input, rows: patches, panels: panels, into: Rows(output, stride: self.width), .add, gemm,
      scratch: scratch)
  }
}

/// A patch embedding: whole images per task or, for fewer images than workers, one image at a time
/// in two steps that all workers share.
private struct EmbeddingRegion: ParallelRegion {
  enum Part {
    case wholeImages
    case unfolding(Int)
    case product(Int)
  }

  let backend: CPUBackend
  let call: EmbeddingCall
  let part: Part

  func run(worker: Int) {
    let own = backend.scratch[worker]
    let panels = call.gemm.panels(call.width)
    switch part {
    case .wholeImages:
      for image in backend.share(of: call.images.shape[0], worker: worker) {
        call.prepare(image, 0..<call.patches, own)
        call.multiply(image, 0..<panels, call.operand(in: own), own)
      }
    case .unfolding(let image):
      call.prepare(
        image, backend.share(of: call.patches, worker: worker), backend.scratch[0])
    case .product(let image):
      let input = call.operand(in: backend.scratch[0])
      while let panel = backend.nextTask(below: panels, worker: worker) {
        call.multiply(image, panel..<(panel + 1), input, own)
      }
    }
  }
}

/// The features that the classifier reads; tasks are images.
private struct TokenPoolingRegion: ParallelRegion {
  let backend: CPUBackend
  let stream: Tensor
  let norm: LayerNormParameters
  let kind: TokenPooling
  let features: Tensor

  func run(worker: Int) {
    let (batch, tokens, width) = (stream.shape[0], stream.shape[1], stream.shape[2])
    for image in backend.share(of: batch, worker: worker) {
      let rows = stream.floats + image * tokens * width
      let output = features.floats + image * features.shape[1]
      switch kind {
      case .prefix(let count): norm.apply(rows, rows: count, into: Rows(output, stride: width))
      case .classAndPatchMean(let prefix):
        norm.apply(rows, rows: 1, into: Rows(output, stride: width))
        let mean = output + width
        let line = backend.scratch[worker].normalized.floats
        mean.update(repeating: 0, count: width)
        for token in prefix..<tokens {
          norm.apply(rows + token * width, rows: 1, into: Rows(line, stride: width))
          lab_add_into(mean, line, width)
        }
        lab_scale(mean, 1 / Float(tokens - prefix), width)
      }
    }
  }
}
