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

    /// One word, the same in every run with the same machine code of our kernels.
    func text(_ type: DType, rows: Int, kernels: KernelModules) -> String {
      "\(layer)|\(type.rawValue)|\(rows)x\(outputs)x\(inputs)|\(ways.joined(separator: ","))|"
        + kernels.digest
    }
  }

  /// Runs the fastest of some implementations, the default first; a trial finds it and caches it on
  /// disk.
  ///
  /// The implementation for the nearest number of rows is kept unless another is faster by more
  /// than noise. One whose result differs from the library's is never used.
  ///
  /// - Parameter output: What all of them write: dense rows of activations.
  func runFastest(
    _ layer: String, rows: Int, _ linear: LinearParameters, _ ways: [Way],
    into output: UnsafeMutableRawPointer
  ) {
    func work() -> String { "\(layer) \(linear.outputs)x\(linear.inputs)" }
    guard ways.count > 1, rows > 0 else { return naming(work()) { ways.first?.run() } }
    let place = WayPlace(
      layer: layer, inputs: linear.inputs, outputs: linear.outputs, ways: ways.map(\.name))
    if chosenWays[place]?[rows] == nil, !isCapturing {
      let text = place.text(activationType, rows: rows, kernels: kernels)
      if let known = gemm.cache.way(text), ways.indices.contains(known) {
        chosenWays[place, default: [:]][rows] = known
      } else {
        do throws(CUDAError) {
          guard
            let right = try waysThatAgree(
              ways, as: "\(work()) over \(rows) rows", rows: rows, columns: linear.outputs, output)
          else {
            chosenWays[place, default: [:]][rows] = reference(of: ways)
            return runFastest(layer, rows: rows, linear, ways, into: output)
          }
          var times: [Double] = []
          for index in right { times.append(try WayTrial.seconds(card, ways[index].run)) }
          let usual = WayTrial.nearest(chosenWays[place] ?? [:], to: rows) ?? 0
          let choice = right[WayTrial.choice(times, usual: right.firstIndex(of: usual) ?? 0) ?? 0]
          chosenWays[place, default: [:]][rows] = choice
          gemm.cache.keep(way: choice, text)
        } catch {
          return card.fail("timing a layer", error)
        }
      }
    }
    let chosen = ways[chosenWays[place]?[rows] ?? 0]
    let way = refusedWays[chosen.name] == nil ? chosen : ways[reference(of: ways)]
    naming(work()) { way.run() }
  }

  /// A layer by each GEMM of ours that this card has; the first is on all with tensor cores.
  ///
  /// - Parameter run: Launches one of them.
  func ownGEMMs(rows: Int, outputs: Int, _ run: @escaping (GEMMLaunch) -> Void) -> [Way] {
    let plan = GEMMLaunch(
      rows: rows, outputs: outputs, multiprocessors: card.facts.multiprocessors)
    var ways = [Way(name: "gemm") { run(plan) }]
    guard kernels.files.contains("gemm_wgmma.cu") else { return ways }
    for columns in GEMMLaunch.warpgroupColumns where columns == 128 || outputs > 128 {
      let plan = GEMMLaunch(rows: rows, outputs: outputs, warpgroupColumns: columns)
      guard plan.shared <= card.facts.sharedBytes else { continue }
      ways.append(Way(name: "wgmma-\(columns)") { run(plan) })
    }
    return ways
  }

  /// A layer's GEMM by a kernel of ours, with its epilogue.
  func launchGEMM(
    _ plan: GEMMLaunch, _ input: UnsafeMutableRawPointer, stride: Int, rows: Int,
    _ linear: LinearParameters, _ epilogue: Epilogue, into output: UnsafeMutableRawPointer,
    outputStride: Int
  ) {
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

  /// Columns of a block of the kernels by products of warpgroups.
  static let warpgroupColumns = [128, 256]

  /// One of the kernels of compute capability 9.0, whose blocks have 128 rows.
  init(rows: Int, outputs: Int, warpgroupColumns columns: Int) {
    kernel = "gemm_wgmma_n\(columns)"
    blocks = CUDABackend.blocks(rows, 128) * CUDABackend.blocks(outputs, columns)
    block = 256
    // Three or four stages of both operands, 64 terms of two bytes a row, from a multiple of 1024
    // bytes on.
    shared = (columns == 128 ? 3 : 4) * (128 + columns) * 64 * 2 + 1024
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
