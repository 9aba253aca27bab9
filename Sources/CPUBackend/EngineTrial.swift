import CKernels
import COpenBLAS
import Files
import Foundation
import Support
import Synchronization
import Tensors

/// Chooses the float32 GEMM engine for each kind of product: our kernels or the system's BLAS,
/// whichever is faster.
///
/// The first use on a machine takes some tenths of a second; the result is cached by CPU, kernels
/// and library.
final class EngineTrial: Sendable {
  static let shared = EngineTrial(.ofThisUser("cpu"))

  private let cache: CacheFolder
  private let known = Mutex<EngineChoice?>(nil)

  init(_ cache: CacheFolder) { self.cache = cache }

  /// Our kernels, if there is no BLAS or it computes wrong results.
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
      "2", Processor.name, String(cString: lab_product_kernels()), library.summary,
    ].joined(separator: "; ")
    if let line = stored()[identity], let choice = Self.choice(line, library) { return choice }
    guard let packed = try? TrialBlock(.packed), let blas = try? TrialBlock(.blas()) else {
      return .packed
    }
    let words = TrialBlock.Part.allCases.map { part in
      // A BLAS that is equally fast is not used, nor one that is faster by chance.
      Self.medianRatio(of: { blas.run(part) }, to: { packed.run(part) }) < 0.95 ? "blas" : "packed"
    }
    store(words.joined(separator: " "), identity)
    return Self.choice(words.joined(separator: " "), library) ?? .packed
  }

  /// The median over some rounds of the first's time by the second's; both run in each round, so
  /// that what disturbs the machine meets both.
  private static func medianRatio(of first: () -> Void, to second: () -> Void) -> Double {
    let clock = ContinuousClock()
    let ratios = (0..<11).map { round in
      var (one, other) = (Duration.zero, Duration.zero)
      if round.isMultiple(of: 2) {
        one = clock.measure(first)
        other = clock.measure(second)
      } else {
        other = clock.measure(second)
        one = clock.measure(first)
      }
      return one / other
    }
    // The first rounds warm up.
    return ratios.dropFirst(2).sorted()[4]
  }

  private static func choice(_ line: String, _ library: BLASLibrary) -> EngineChoice? {
    let gemms: [GEMM] = line.split(separator: " ").compactMap {
      $0 == "blas" ? .blas : $0 == "packed" ? .packed : nil
    }
    guard gemms.count == TrialBlock.Part.allCases.count else { return nil }
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

/// What a trial times: a block of DeiT-S over the tokens of an image as a pass runs it, since an
/// engine is more than its products (ours ends them with bias, GELU and residual).
private struct TrialBlock {
  enum Part: CaseIterable { case linear, attention }

  private let backend: CPUBackend
  private let stream: Tensor
  private let feedForward: FeedForwardParameters
  private let qkv: Tensor
  private let output: Tensor

  private static let (tokens, width, heads) = (197, 384, 6)

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
    // So small that adding to the stream over and over leaves it finite.
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
    feedForward = FeedForwardParameters(
      norm: LayerNormParameters(weight: ones, bias: zeros, epsilon: 1e-6),
      fc1: try layer(width, hidden), activation: .gelu, fc2: try layer(hidden, width))
  }

  func run(_ part: Part) {
    switch part {
    case .linear: backend.feedForward(stream, feedForward)
    case .attention:
      _ = backend.attend(qkv, heads: Self.heads, tokenSize: nil, statistics: nil, into: output)
    }
  }
}
