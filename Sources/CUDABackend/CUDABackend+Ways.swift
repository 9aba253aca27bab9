import Tensors

/// Layers with several implementations, of which the fastest for their sizes is used.
extension CUDABackend {
  /// One implementation of a layer; running it twice gives the same result.
  struct Way {
    /// One word.
    let name: String
    let run: () -> Void
  }

  /// A layer without its number of rows, with its implementations.
  struct WayPlace: Hashable {
    let layer: String
    let inputs: Int
    let outputs: Int
    let ways: [String]

    /// One word, the same in every run.
    func text(_ type: DType, rows: Int) -> String {
      "\(layer)|\(type.rawValue)|\(rows)x\(outputs)x\(inputs)|\(ways.joined(separator: ","))"
    }
  }

  /// Runs the fastest of some implementations, the default first; a trial finds it and caches it on
  /// disk.
  ///
  /// The implementation for the nearest number of rows is kept unless another is faster by more
  /// than noise.
  func runFastest(_ layer: String, rows: Int, _ linear: LinearParameters, _ ways: [Way]) {
    func work() -> String { "\(layer) \(linear.outputs)x\(linear.inputs)" }
    guard ways.count > 1, rows > 0 else { return naming(work()) { ways.first?.run() } }
    let place = WayPlace(
      layer: layer, inputs: linear.inputs, outputs: linear.outputs, ways: ways.map(\.name))
    if chosenWays[place]?[rows] == nil, !isCapturing {
      let text = place.text(activationType, rows: rows)
      if let known = gemm.cache.way(text), ways.indices.contains(known) {
        chosenWays[place, default: [:]][rows] = known
      } else {
        do throws(CUDAError) {
          var times: [Double] = []
          for way in ways { times.append(try WayTrial.seconds(card, way.run)) }
          let usual = WayTrial.nearest(chosenWays[place] ?? [:], to: rows) ?? 0
          let choice = WayTrial.choice(times, usual: usual) ?? 0
          chosenWays[place, default: [:]][rows] = choice
          gemm.cache.keep(way: choice, text)
        } catch {
          return card.fail("timing a layer", error)
        }
      }
    }
    naming(work()) { ways[chosenWays[place]?[rows] ?? 0].run() }
  }

  /// A layer's GEMM by our kernel, with its epilogue.
  func launchGEMM(
    _ input: UnsafeMutableRawPointer, stride: Int, rows: Int, _ linear: LinearParameters,
    _ epilogue: Epilogue, into output: UnsafeMutableRawPointer, outputStride: Int
  ) {
    let plan = GEMMLaunch(
      rows: rows, outputs: linear.outputs, multiprocessors: card.facts.multiprocessors)
    launch(
      plan.kernel + suffix, grid: (plan.blocks, 1, 1), block: plan.block, shared: plan.shared,
      overlaps: true, .address(input), .int(stride), .tensor(linear.weight),
      .int(Self.padded(linear.inputs)), .tensor(linear.bias), .address(epilogue.residual?.start),
      .int(epilogue.residual?.stride ?? 0), .address(output), .int(outputStride), .int(rows),
      .int(linear.inputs), .int(linear.outputs), .int(mode(epilogue.activation)),
      .int(epilogue.activatesSum ? 1 : 0))
  }

  /// LayerNorm and a layer as one kernel; `nil` where the kernel cannot take the sizes, or would
  /// normalize too many rows again.
  func normGEMM(
    _ input: Tensor, _ norm: LayerNormParameters, _ linear: LinearParameters,
    _ activation: Activation, into output: UnsafeMutableRawPointer
  ) -> Way? {
    let rows = input.shape.count / linear.inputs
    guard usesTensorCores, input.dtype == activationType,
      let plan = NormGEMMLaunch(
        rows: rows, inputs: linear.inputs, outputs: linear.outputs,
        multiprocessors: card.facts.multiprocessors, sharedBytes: card.facts.sharedBytes)
    else { return nil }
    return Way(name: "norm-gemm") { [self] in
      launch(
        plan.kernel + suffix, grid: (plan.blocks, 1, 1), block: plan.block, shared: plan.shared,
        overlaps: true, .tensor(input), .tensor(norm.weight), .tensor(norm.bias),
        .float(norm.epsilon), .tensor(linear.weight), .int(Self.padded(linear.inputs)),
        .tensor(linear.bias), .address(output), .int(rows), .int(linear.inputs),
        .int(linear.outputs), .int(mode(activation)))
    }
  }

  /// An activation as the kernels count them; GELU as this backend computes it.
  func mode(_ activation: Activation) -> Int {
    activation == .gelu && hasTanhGELU ? 7 : activation.kernelMode
  }
}

/// How one of our GEMMs is distributed over a GPU.
struct GEMMLaunch: Equatable {
  let kernel: String
  let blocks: Int
  let block: Int
  let shared: Int

  /// Blocks of 128 by 128 read half as much as those of 64 by 64, and are too few for small layers.
  init(rows: Int, outputs: Int, multiprocessors: Int) {
    func blocks(_ side: Int) -> Int {
      CUDABackend.blocks(rows, side) * CUDABackend.blocks(outputs, side)
    }
    let isLarge = blocks(128) >= multiprocessors
    kernel = isLarge ? "gemm_mma_large" : "gemm_mma_small"
    self.blocks = blocks(isLarge ? 128 : 64)
    block = isLarge ? 256 : 128
    // Three or four stages of both operands, 32 terms of two bytes a row.
    shared = (isLarge ? 3 * 128 : 4 * 64) * 2 * 32 * 2
  }
}

/// How LayerNorm and the following GEMM are distributed over a GPU.
struct NormGEMMLaunch: Equatable {
  let kernel: String
  let blocks: Int
  let block = 128
  let shared: Int

  /// With more rows the norms that are computed again take longer than a launch.
  private static let maxRows = 4096
  /// What the registers of a warp hold of a row.
  private static let maxInputs = 2048

  init?(rows: Int, inputs: Int, outputs: Int, multiprocessors: Int, sharedBytes: Int) {
    guard inputs % 8 == 0, inputs <= Self.maxInputs, rows <= Self.maxRows else { return nil }
    func blocks(_ side: Int) -> Int {
      CUDABackend.blocks(rows, side) * CUDABackend.blocks(outputs, 64)
    }
    // Six stages of the weight, and all terms of the rows, of two bytes.
    func shared(_ side: Int) -> Int {
      6 * 64 * 64 * 2 + side * ((inputs + 15) / 16 * 16 + 8) * 2
    }
    let side = blocks(64) < multiprocessors || shared(64) > sharedBytes ? 32 : 64
    guard shared(side) <= sharedBytes else { return nil }
    kernel = "norm_gemm_mma_r\(side)"
    self.blocks = blocks(side)
    self.shared = shared(side)
  }
}
