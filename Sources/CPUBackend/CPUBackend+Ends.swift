import CKernels
import Tensors

/// The first and the last operation of a pass.
extension CPUBackend {
  package func embedPatches(_ images: Tensor, _ embedding: PatchEmbedding, into tokens: Tensor) {
    let batch = images.shape[0]
    let call = EmbeddingCall(images: images, embedding: embedding, tokens: tokens)
    if batch >= threads {
      parallel { worker in
        let unfolded = scratch[worker].unfolded.floats
        for image in share(of: batch, worker: worker) {
          call.unfold(image, 0..<call.patches, into: unfolded)
          call.multiply(image, 0..<call.width, unfolded)
        }
      }
    } else {
      let unfolded = scratch[0].unfolded.floats
      for image in 0..<batch {
        parallel { worker in
          call.unfold(image, share(of: call.patches, worker: worker), into: unfolded)
        }
        parallel { worker in
          call.multiply(image, share(of: call.width, worker: worker), unfolded)
        }
      }
    }
    for image in 0..<batch {
      call.row(image, 0).update(
        from: embedding.prefix.floats, count: call.prefix * call.width)
    }
  }

  package func readOut(
    _ stream: Tensor, norm: LayerNormParameters, _ kind: ReadOut, into features: Tensor
  ) {
    let (batch, tokens, width) = (stream.shape[0], stream.shape[1], stream.shape[2])
    parallel { worker in
      for image in share(of: batch, worker: worker) {
        let rows = stream.floats + image * tokens * width
        let output = features.floats + image * features.shape[1]
        switch kind {
        case .prefix(let count): normalize(rows, norm, count, into: output)
        case .classAndPatchMean(let prefix):
          normalize(rows, norm, 1, into: output)
          let mean = output + width
          let line = scratch[worker].normalized.floats
          mean.update(repeating: 0, count: width)
          for token in prefix..<tokens {
            normalize(rows + token * width, norm, 1, into: line)
            lab_add_into(mean, line, width)
          }
          lab_scale(mean, 1 / Float(tokens - prefix), width)
        }
      }
    }
  }
}

/// One patch embedding: extents and pointers that its workers share.
private struct EmbeddingCall {
  let images: Tensor
  let embedding: PatchEmbedding
  let tokens: Tensor

  var side: Int { images.shape[2] }
  var patch: Int { embedding.patchSize }
  var grid: Int { side / patch }
  var patches: Int { grid * grid }
  var depth: Int { 3 * patch * patch }
  var width: Int { tokens.shape[2] }
  var prefix: Int { tokens.shape[1] - patches }

  func row(_ image: Int, _ token: Int) -> UnsafeMutablePointer<Float> {
    tokens.floats + (image * tokens.shape[1] + token) * width
  }

  /// Patches as rows [channel][y][x].
  func unfold(_ image: Int, _ rows: Range<Int>, into output: UnsafeMutablePointer<Float>) {
    let source = images.floats + image * 3 * side * side
    for row in rows {
      let corner = row / grid * patch * side + row % grid * patch
      for channel in 0..<3 {
        for y in 0..<patch {
          let line = source + channel * side * side + corner + y * side
          (output + row * depth + (channel * patch + y) * patch).update(from: line, count: patch)
        }
      }
    }
  }

  func multiply(_ image: Int, _ columns: Range<Int>, _ unfolded: UnsafePointer<Float>) {
    guard !columns.isEmpty else { return }
    let output = row(image, prefix) + columns.lowerBound
    let positions = embedding.positions.floats + columns.lowerBound
    for patch in 0..<patches {
      (output + patch * width).update(from: positions + patch * width, count: columns.count)
    }
    lab_add_bias(
      output, embedding.linear.bias.floats + columns.lowerBound, patches, columns.count, width)
    product(
      .plain, patches, columns.count, depth, unfolded, depth,
      embedding.linear.weight.floats + columns.lowerBound, width, output, width, beta: 1)
  }
}
