import CCUDA
import Files
import Support
import Tensors

/// GEMM by cuBLASLt, with the algorithm of each shape found by timing.
final class GEMMLibrary {
  private let card: CUDACard
  private let table: UnsafeMutablePointer<lab_cublaslt>
  private let handle: Handle
  private let workspace: MemoryChunk
  let cache: GEMMCache
  private var plans: [GEMMShape: GEMMPlan] = [:]
  /// `cuBLASLt 13.4.0`.
  let description: String

  /// The number of the library's suggestions that are timed.
  static let candidates = 12

  /// Errors: `CUDAError`, `TensorsError.doesNotFit`.
  init(_ card: CUDACard, cache: CacheFolder) throws {
    self.card = card
    table = try card.libraries.gemm()
    let version = CUDALibraries.gemmVersion(table.pointee.cublasLtGetVersion())
    description = "cuBLASLt \(version.text)"
    card.makeCurrent()
    var handle: Handle = nil
    let code = table.pointee.cublasLtCreate(&handle)
    guard code == 0 else {
      throw CUDAError.call(
        operation: "starting cuBLASLt", card: card.title, code: "status \(code)",
        reason: Self.text(table, code))
    }
    // Hopper's kernels want 32 MiB; a board of a few gigabytes has better uses for it.
    let bytes = card.facts.memoryBytes >= 12 << 30 ? 32 << 20 : 8 << 20
    do {
      workspace = try MemoryChunk(card, bytes: bytes)
    } catch {
      _ = table.pointee.cublasLtDestroy(handle)
      throw error
    }
    self.handle = handle
    self.cache = GEMMCache(
      cache,
      identity: "\(card.facts.name) \(card.facts.capability) \(card.facts.multiprocessors) "
        + "\(description)")
  }

  deinit {
    card.makeCurrent()
    for plan in plans.values { plan.destroy(table) }
    for preference in storedPreference.values {
      _ = table.pointee.cublasLtMatmulPreferenceDestroy(preference)
    }
    _ = table.pointee.cublasLtDestroy(handle)
  }

  /// Writes newly found algorithms to disk.
  func saveChoices() { cache.save() }

  /// Errors: `CUDAError.call`.
  func multiply(
    _ shape: GEMMShape, weight: UnsafeMutableRawPointer, bias: UnsafeMutableRawPointer?,
    input: UnsafeMutableRawPointer, output: UnsafeMutableRawPointer
  ) throws(CUDAError) {
    let operands = GEMMOperands(weight: weight, bias: bias, input: input, output: output)
    let plan = try plan(shape, operands)
    try run(plan, shape, operands, plan.algorithm)
  }

  /// Whether the library has an algorithm for a shape.
  func hasAlgorithm(_ shape: GEMMShape, _ operands: GEMMOperands) -> Bool {
    (try? plan(shape, operands)) != nil
  }

  /// Eight digits that tell the algorithm of a shape from others; `nil` before it was chosen.
  func algorithmMark(_ shape: GEMMShape) -> String? {
    guard let plan = plans[shape] else { return nil }
    let hash = withUnsafeBytes(of: plan.algorithm) { FNV1a.hash($0) }
    return String(String(hash, radix: 16).suffix(8))
  }

  private func plan(
    _ shape: GEMMShape, _ operands: GEMMOperands
  ) throws(CUDAError) -> GEMMPlan {
    if let known = plans[shape] { return known }
    let plan = try makePlan(shape, operands)
    plans[shape] = plan
    return plan
  }

  private func makePlan(
    _ shape: GEMMShape, _ operands: GEMMOperands
  ) throws(CUDAError) -> GEMMPlan {
    var plan = GEMMPlan()
    do throws(CUDAError) {
      try plan.create(table, shape) { code, operation throws(CUDAError) in
        try self.check(code, operation, shape)
      }
      // Some versions suggest nothing for a bias that has no address.
      try setBias(plan, shape, operands)
      plan.algorithm = try algorithm(plan, shape, operands)
    } catch {
      plan.destroy(table)
      throw error
    }
    return plan
  }

  private func algorithm(
    _ plan: GEMMPlan, _ shape: GEMMShape, _ operands: GEMMOperands
  ) throws(CUDAError) -> lab_cublaslt_algorithm {
    if let known = cache.algorithm(shape), isPossible(known, plan) { return known }
    var choices = [lab_cublaslt_choice](repeating: lab_cublaslt_choice(), count: Self.candidates)
    var count: Int32 = 0
    let code = table.pointee.cublasLtMatmulAlgoGetHeuristic(
      handle, plan.description, plan.weight, plan.input, plan.output, plan.output,
      try preference(shape), Int32(choices.count), &choices, &count)
    try check(code, "choosing an algorithm", shape)
    var usable = choices.prefix(Int(count)).filter {
      $0.status == 0 && $0.workspace_bytes <= workspace.bytes
    }.map(\.algorithm)
    // What the nearest number of rows takes stays unless another is faster by more than noise.
    if let usual = neighbor(shape), isPossible(usual, plan) {
      usable.removeAll { $0 == usual }
      usable.insert(usual, at: 0)
    }
    guard let first = usable.first else {
      try check(LAB_CUBLAS_NOT_SUPPORTED.code, "choosing an algorithm", shape)
      return lab_cublaslt_algorithm()
    }
    guard let best = try fastest(usable, plan, shape, operands) else { return first }
    cache.keep(best, shape)
    return best
  }

  private func isPossible(_ algorithm: lab_cublaslt_algorithm, _ plan: GEMMPlan) -> Bool {
    var (algorithm, result) = (algorithm, lab_cublaslt_choice())
    let code = table.pointee.cublasLtMatmulAlgoCheck(
      handle, plan.description, plan.weight, plan.input, plan.output, plan.output, &algorithm,
      &result)
    return code == 0 && result.workspace_bytes <= workspace.bytes
  }

  /// The algorithm of the nearest number of rows.
  private func neighbor(_ shape: GEMMShape) -> lab_cublaslt_algorithm? {
    var known: [Int: lab_cublaslt_algorithm] = [:]
    for (other, plan) in plans where other.isNeighbor(shape) { known[other.rows] = plan.algorithm }
    return WayTrial.nearest(known, to: shape.rows)
  }

  private var storedPreference: [Int: Handle] = [:]

  /// What is asked of an algorithm, one for each alignment of addresses.
  private func preference(_ shape: GEMMShape) throws(CUDAError) -> Handle {
    if let known = storedPreference[shape.alignment] { return known }
    let preference = try GEMMPlan.preference(
      table, workspaceBytes: workspace.bytes, alignment: shape.alignment
    ) { code, operation throws(CUDAError) in try self.check(code, operation, shape) }
    storedPreference[shape.alignment] = preference
    return preference
  }

  /// The fastest of some algorithms by a short trial; `nil` if there is no memory for it.
  ///
  /// Each is captured many times in one graph, which is replayed: single calls would time how fast
  /// the host starts them. The first stays unless another is faster by more than noise.
  /// Results go next to the real output, since a sum onto it must not happen twice.
  private func fastest(
    _ choices: [lab_cublaslt_algorithm], _ plan: GEMMPlan, _ shape: GEMMShape,
    _ operands: GEMMOperands
  ) throws(CUDAError) -> lab_cublaslt_algorithm? {
    let bytes = shape.rows * shape.outputs * shape.outputType.byteCount
    guard choices.count > 1 else { return choices.first }
    guard let place = try? MemoryChunk(card, bytes: bytes) else { return nil }
    var trial = operands
    trial.output = place.address
    // Accumulating onto whatever lies there must not meet numbers that are slow.
    try card.check(
      card.driver.cuMemsetD32Async(place.address.device, 0, bytes / 4, card.stream), "clearing")
    var times: [(time: Double, algorithm: lab_cublaslt_algorithm)] = []
    for choice in choices {
      // What the library suggests and then refuses is left out.
      guard let time = try self.time(choice, plan, shape, trial) else { continue }
      times.append((time, choice))
    }
    return WayTrial.choice(times.map(\.time)).map { times[$0].algorithm }
  }

  /// Seconds of one product of many by an algorithm; `nil` where the library refuses it.
  private func time(
    _ algorithm: lab_cublaslt_algorithm, _ plan: GEMMPlan, _ shape: GEMMShape,
    _ operands: GEMMOperands
  ) throws(CUDAError) -> Double? {
    // Outside of a graph first: some algorithms load their code at the first call.
    guard (try? run(plan, shape, operands, algorithm)) != nil else { return nil }
    var isRefused = false
    do throws(CUDAError) {
      let seconds = try WayTrial.seconds(card) {
        if (try? run(plan, shape, operands, algorithm)) == nil { isRefused = true }
      }
      return isRefused ? nil : seconds
    } catch {
      // What cannot be captured is left out.
      guard !card.isBroken else { throw error }
      return nil
    }
  }

  private func setBias(
    _ plan: GEMMPlan, _ shape: GEMMShape, _ operands: GEMMOperands
  ) throws(CUDAError) {
    guard var bias = operands.bias else { return }
    try check(
      table.pointee.cublasLtMatmulDescSetAttribute(
        plan.description, LAB_CUBLASLT_DESC_BIAS_POINTER.code, &bias, 8), "setting a bias", shape)
  }

  private func run(
    _ plan: GEMMPlan, _ shape: GEMMShape, _ operands: GEMMOperands,
    _ algorithm: lab_cublaslt_algorithm
  ) throws(CUDAError) {
    try setBias(plan, shape, operands)
    var alpha: Float = 1
    var beta: Float = shape.accumulates ? 1 : 0
    var algorithm = algorithm
    try check(
      table.pointee.cublasLtMatmul(
        handle, plan.description, &alpha, operands.weight, plan.weight, operands.input, plan.input,
        &beta, operands.output, plan.output, operands.output, plan.output, &algorithm,
        workspace.address, workspace.bytes, card.stream), "multiplying", shape)
  }

  private func check(_ code: Int32, _ operation: String, _ shape: GEMMShape) throws(CUDAError) {
    guard code != 0 else { return }
    throw .call(
      operation: "\(operation) (\(shape.text))", card: card.title, code: "cuBLASLt status \(code)",
      reason: Self.text(table, code))
  }

  private static func text(_ table: UnsafeMutablePointer<lab_cublaslt>, _ code: Int32) -> String {
    if let said = table.pointee.cublasLtGetStatusString?(code) { return String(cString: said) }
    switch code {
    case LAB_CUBLAS_NOT_INITIALIZED.code:
      return "it could not start; its version may be newer than the driver"
    case LAB_CUBLAS_NOT_SUPPORTED.code: return "it has no algorithm for this"
    default: return "the library does not say why"
    }
  }
}

/// Addresses of one product.
struct GEMMOperands {
  var weight: UnsafeMutableRawPointer
  var bias: UnsafeMutableRawPointer?
  var input: UnsafeMutableRawPointer
  var output: UnsafeMutableRawPointer
}

/// How a shape is described to cuBLASLt, and the algorithm chosen for it.
///
/// The library counts columns first, so that our rows are its columns: out' = weight · input', the
/// weight transposed.
struct GEMMPlan {
  private(set) var description: Handle = nil
  private(set) var weight: Handle = nil
  private(set) var input: Handle = nil
  private(set) var output: Handle = nil
  var algorithm = lab_cublaslt_algorithm()

  mutating func create(
    _ table: UnsafeMutablePointer<lab_cublaslt>, _ shape: GEMMShape,
    check: (Int32, String) throws(CUDAError) -> Void
  ) throws(CUDAError) {
    let compute = shape.isTF32 ? LAB_CUBLAS_COMPUTE_32F_FAST_TF32 : LAB_CUBLAS_COMPUTE_32F
    let t = table.pointee
    try check(
      t.cublasLtMatmulDescCreate(&description, compute.code, LAB_CUBLAS_R_32F.code),
      "describing a product")
    var transposed = LAB_CUBLAS_OP_T.code
    var plain = LAB_CUBLAS_OP_N.code
    var epilogue = UInt32(
      shape.hasGELU
        ? LAB_CUBLASLT_EPILOGUE_GELU_BIAS
        : shape.hasBias ? LAB_CUBLASLT_EPILOGUE_BIAS : LAB_CUBLASLT_EPILOGUE_DEFAULT)
    let set = t.cublasLtMatmulDescSetAttribute
    try check(set(description, LAB_CUBLASLT_DESC_TRANSA.code, &transposed, 4), "transposing")
    try check(set(description, LAB_CUBLASLT_DESC_TRANSB.code, &plain, 4), "transposing")
    try check(set(description, LAB_CUBLASLT_DESC_EPILOGUE.code, &epilogue, 4), "fusing a bias")
    let layout = t.cublasLtMatrixLayoutCreate
    try check(
      layout(
        &weight, shape.type.cublas, UInt64(shape.k), UInt64(shape.outputs),
        Int64(shape.weightStride)), "describing a weight")
    try check(
      layout(
        &input, shape.type.cublas, UInt64(shape.k), UInt64(shape.rows),
        Int64(shape.inputStride)), "describing an input")
    try check(
      layout(
        &output, shape.outputType.cublas, UInt64(shape.outputs), UInt64(shape.rows),
        Int64(shape.outputs)), "describing an output")
  }

  /// What is asked of an algorithm.
  static func preference(
    _ table: UnsafeMutablePointer<lab_cublaslt>, workspaceBytes: Int, alignment: Int,
    check: (Int32, String) throws(CUDAError) -> Void
  ) throws(CUDAError) -> Handle {
    var preference: Handle = nil
    try check(table.pointee.cublasLtMatmulPreferenceCreate(&preference), "making a preference")
    var bytes = workspaceBytes
    // Partial sums in float32 and in a fixed order: exact enough, and the same bits each time.
    var schemes = UInt32(LAB_CUBLASLT_REDUCTION_COMPUTE_TYPE)
    var alignment = UInt32(alignment)
    let set = table.pointee.cublasLtMatmulPreferenceSetAttribute
    var code = set(preference, LAB_CUBLASLT_PREF_MAX_WORKSPACE.code, &bytes, 8)
    if code == 0 { code = set(preference, LAB_CUBLASLT_PREF_REDUCTION_SCHEMES.code, &schemes, 4) }
    for operand in [
      LAB_CUBLASLT_PREF_ALIGNMENT_A, LAB_CUBLASLT_PREF_ALIGNMENT_B, LAB_CUBLASLT_PREF_ALIGNMENT_C,
      LAB_CUBLASLT_PREF_ALIGNMENT_D,
    ] where code == 0 { code = set(preference, operand.code, &alignment, 4) }
    do throws(CUDAError) {
      try check(code, "stating a preference")
    } catch {
      _ = table.pointee.cublasLtMatmulPreferenceDestroy(preference)
      throw error
    }
    return preference
  }

  func destroy(_ table: UnsafeMutablePointer<lab_cublaslt>) {
    if description != nil { _ = table.pointee.cublasLtMatmulDescDestroy(description) }
    for layout in [weight, input, output] where layout != nil {
      _ = table.pointee.cublasLtMatrixLayoutDestroy(layout)
    }
  }
}

extension lab_cublaslt_algorithm {
  fileprivate static func == (
    left: lab_cublaslt_algorithm, right: lab_cublaslt_algorithm
  ) -> Bool {
    withUnsafeBytes(of: left.data) { left in
      withUnsafeBytes(of: right.data) { left.elementsEqual($0) }
    }
  }
}

extension DType {
  fileprivate var cublas: Int32 {
    switch self {
    case .float16: LAB_CUBLAS_R_16F.code
    case .bfloat16: LAB_CUBLAS_R_16BF.code
    default: LAB_CUBLAS_R_32F.code
    }
  }
}
