import CKernels
import COpenBLAS
import Files
import Foundation
import Support
import Synchronization
import Tensors

/// Selects the faster float32 GEMM engine, our kernels or the system's BLAS, for linear layers and
/// for attention.
///
/// Our kernels are used unless a BLAS is clearly faster, so that noise on a busy machine does not
/// select a slower library. The first use on a machine takes about half a second; a clear result is
/// cached by CPU, kernels and library.
final class EngineTrial: Sendable {
  static let shared = EngineTrial(.ofThisUser("cpu"))

  private let cache: CacheFolder
  private let measure: @Sendable () -> [Verdict]?
  private let known = Mutex<EngineChoice?>(nil)

  /// - Parameter measure: The verdicts on linear layers and on attention; `nil` if nothing could be
  ///   timed.
  init(
    _ cache: CacheFolder, measure: @escaping @Sendable () -> [Verdict]? = EngineTrial.verdicts
  ) {
    self.cache = cache
    self.measure = measure
  }

  /// The selected engines; our kernels if there is no BLAS or it computes wrong results.
  func choice() -> EngineChoice {
    known.withLock { known in
      if let known { return known }
      let found = find()
      known = found
      return found
    }
  }

  private func find() -> EngineChoice {
    guard let library = try? BLASLibrary.open() else { return .packed }
    let identity = [
      "3", Processor.name, String(cString: lab_gemm_kernels()), library.summary,
    ].joined(separator: "; ")
    if let line = stored()[identity], let choice = Self.choice(line, library) { return choice }
    guard let verdicts = measure() else { return .packed }
    let line = verdicts.map { $0 == .blasIsFaster ? "blas" : "packed" }.joined(separator: " ")
    if !verdicts.contains(.unclear) { store(line, identity) }
    return Self.choice(line, library) ?? .packed
  }

  enum Verdict { case blasIsFaster, packedIsEnough, unclear }

  /// Times both engines on the blocks of a transformer.
  private static let verdicts: @Sendable () -> [Verdict]? = {
    guard let packed = try? TrialBlocks(.packed), let blas = try? TrialBlocks(.blas()) else {
      return nil
    }
    return TrialBlocks.Part.allCases.map { part in
      verdict(ratios(of: { blas.run(part) }, to: { packed.run(part) }))
    }
  }

  /// The result of a trial.
  ///
  /// - Parameter ratios: For each round, the time of BLAS divided by that of our kernels.
  static func verdict(_ ratios: [Double]) -> Verdict {
    let sorted = ratios.sorted()
    let (lower, upper) = (sorted[sorted.count / 4], sorted[sorted.count * 3 / 4])
    // BLAS computes either all GEMMs of one kind in a pass or none, and a gain of a few percent in
    // these layers is not a gain in every model.
    let limit = 0.9
    return upper < limit ? .blasIsFaster : lower >= limit ? .packedIsEnough : .unclear
  }

  /// The first's time divided by the second's for each round; each round runs both, so that other
  /// programs disturb both equally.
  private static func ratios(of first: () -> Void, to second: () -> Void) -> [Double] {
    let clock = ContinuousClock()
    // Warms up both, and finds how many runs make a round long enough to time.
    first()
    let once = clock.measure {
      first()
      second()
    }
    let runs = max(1, Int(.milliseconds(8) / once))
    func time(_ body: () -> Void) -> Duration {
      clock.measure { for _ in 0..<runs { body() } }
    }
    return (0..<24).map { round in
      if round.isMultiple(of: 2) { return time(first) / time(second) }
      let other = time(second)
      return time(first) / other
    }
  }

  private static func choice(_ line: String, _ library: BLASLibrary) -> EngineChoice? {
    let gemms: [GEMM] = line.split(separator: " ").compactMap {
      $0 == "blas" ? .blas : $0 == "packed" ? .packed : nil
    }
    guard gemms.count == TrialBlocks.Part.allCases.count else { return nil }
    return EngineChoice(
      linear: gemms[0], attention: gemms[1],
      library: gemms.contains(.blas) ? library : nil, isTried: true)
  }

  // MARK: The file of earlier trials

  private static let file = "engines.json"

  private func stored() -> [String: String] {
    cache.read(Self.file).flatMap { try? JSONDecoder().decode([String: String].self, from: $0) }
      ?? [:]
  }

  private func store(_ line: String, _ identity: String) {
    var all = stored()
    all[identity] = line
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    if let data = try? encoder.encode(all) { cache.write(data, Self.file) }
  }
}

/// What a trial times: the feed-forward network and the attention of DeiT-S blocks for one image.
///
/// They are timed whole because an engine is more than its GEMM: ours fuses bias, GELU and
/// residual.
private final class TrialBlocks {
  enum Part: CaseIterable { case linear, attention }

  private let backend: CPUBackend
  private let stream: Tensor
  private let feedForwards: [FeedForwardParameters]
  private let qkv: Tensor
  private let output: Tensor
  private var next = 0

  private static let (tokens, width, heads) = (197, 384, 6)
  /// So many weights that those of one block are no longer in the L2 cache when it runs again, as
  /// in a pass.
  private static let blocks = 3

  init(_ engines: EngineChoice) throws {
    let backend = try CPUBackend(engines: engines)
    self.backend = backend
    let (tokens, width, hidden) = (Self.tokens, Self.width, 4 * Self.width)
    try backend.reserve([
      PassOperation(
        .feedForward,
        .feedForward(rows: tokens, inputs: width, hidden: hidden, outputs: width, isGated: false),
        bytesRead: 0, bytesWritten: 0),
      PassOperation(
        .attention,
        .attention(
          batch: 1, queries: tokens, keys: tokens, heads: Self.heads, headDim: width / Self.heads,
          valueDim: width / Self.heads), bytesRead: 0, bytesWritten: 0),
    ])
    stream = try backend.allocate(Shape(1, tokens, width), .float32)
    qkv = try backend.allocate(Shape(1, tokens, 3 * width), .float32)
    output = try backend.allocate(Shape(1, tokens, width), .float32)
    for tensor in [stream, qkv, output] {
      for index in 0..<tensor.shape.count { tensor.floats[index] = Float(index % 61 - 30) / 32 }
    }
    let ones = try backend.allocate(Shape(width), .float32)
    let zeros = try backend.allocate(Shape(width), .float32)
    ones.floats.update(repeating: 1, count: width)
    zeros.floats.update(repeating: 0, count: width)
    // Small enough that repeated addition to the stream leaves it finite.
    let weight = (0..<(width * hidden)).map { Float($0 % 53 - 26) / 1024 }
    let bias = [Float](repeating: 0, count: hidden)
    func layer(_ inputs: Int, _ outputs: Int) throws -> LinearParameters {
      try weight.withUnsafeBufferPointer { weight in
        try bias.withUnsafeBufferPointer { bias in
          try backend.makeLinear(
            weight: weight, bias: UnsafeBufferPointer(rebasing: bias[..<outputs]), inputs: inputs,
            outputs: outputs)
        }
      }
    }
    feedForwards = try (0..<Self.blocks).map { _ in
      FeedForwardParameters(
        norm: LayerNormParameters(weight: ones, bias: zeros, epsilon: 1e-6),
        fc1: try layer(width, hidden), activation: .gelu, fc2: try layer(hidden, width))
    }
  }

  func run(_ part: Part) {
    switch part {
    case .linear:
      backend.feedForward(stream, feedForwards[next])
      next = (next + 1) % feedForwards.count
    case .attention:
      _ = backend.attend(qkv, heads: Self.heads, tokenSize: nil, statistics: nil, into: output)
    }
  }
}
