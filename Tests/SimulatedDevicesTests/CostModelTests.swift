import Tensors
import Testing

@testable import SimulatedDevices

@Suite struct CostModelTests {
  /// Four multiprocessors with 1 TFLOPS in total, 100 GB/s, and tiles of 64 × 64.
  private static var board: DeviceDescription {
    DeviceDescription(
      name: "board", title: "Board", multiprocessors: 4, bandwidthGBPerSecond: 100,
      level2CacheMiB: 1, peakTeraflops: [.float32: 1], standardPrecision: .float32,
      tiles: [.init(rows: 64, columns: 64)], hasFusedAttention: true, sources: [:],
      constants: CostConstants(
        efficiency: 0.5, bandwidthEfficiency: 0.5, hostCallMicroseconds: 10,
        launchMicroseconds: 2, graphLaunchMicroseconds: 1, tileOverhead: 32, cacheSpeedup: 4),
      fittedTo: "nothing")
  }

  private static func product(rows: Int, inputs: Int = 512, outputs: Int = 256) -> PassOperation {
    PassOperation(
      .head, .product(rows: rows, inputs: inputs, outputs: outputs, isNormalized: false),
      macs: rows * inputs * outputs, bytesRead: 4, bytesWritten: 4)
  }

  private static func milliseconds(
    _ operations: [PassOperation], _ execution: Execution = .graph
  ) throws -> Double {
    let model = try CostModel(device: board, execution: execution)
    return model.milliseconds(try model.pass(operations))
  }

  @Test func `GEMM takes as many waves as its tiles fill`() throws {
    // One row of tiles: 4 tiles on 4 multiprocessors, each at 1/(1 + 32 · 2/64) = half of
    // 0.5 · 0.25 TFLOPS.
    let wave = 2.0 * 64 * 64 * 512 / (0.5 * 0.25e12 / 2) * 1e3
    for (rows, waves) in [(1, 1.0), (64, 1), (65, 2), (128, 2), (129, 3)] {
      let expected = wave * waves + 1e-3
      #expect(abs(try Self.milliseconds([Self.product(rows: rows)]) - expected) < 1e-9)
    }
  }

  @Test func `copies are limited by bandwidth, and the cache is faster`() throws {
    func copy(_ bytes: Int) -> PassOperation {
      PassOperation(.copy, .rows(1, width: 1), bytesRead: bytes, bytesWritten: 0)
    }
    let large = 10_000_000
    #expect(abs(try Self.milliseconds([copy(large)]) - (Double(large) / 50e9 * 1e3 + 1e-3)) < 1e-9)
    #expect(abs(try Self.milliseconds([copy(50_000)]) - (50_000 / 200e9 * 1e3 + 1e-3)) < 1e-9)
  }

  @Test func `in eager execution the host limits small kernels`() throws {
    let kernels = Array(repeating: Self.product(rows: 1, inputs: 1, outputs: 1), count: 50)
    // Two calls of 10 microseconds before each kernel, and the last kernel's own time.
    let eager = try Self.milliseconds(kernels, .eager)
    #expect(eager > 1.0 && eager < 1.01)
    #expect(try Self.milliseconds(kernels, .graph) < 0.2)
  }

  @Test func `a pass that scores attention writes it out in every block`() throws {
    let attention = PassOperation.Extent.attention(
      batch: 1, queries: 8, keys: 8, heads: 2, headDim: 4, valueDim: 4)
    let plain = PassOperation(.attention, attention, macs: 1, bytesRead: 4, bytesWritten: 4)
    let scored = PassOperation(.scoredAttention, attention, macs: 1, bytesRead: 4, bytesWritten: 4)
    func names(_ operations: [PassOperation], _ execution: Execution) throws -> Set<String> {
      Set(
        try KernelExpansion.kernels(operations, execution: execution, precision: .float32)
          .map(\.name))
    }
    #expect(try !names([plain], .eager).contains("softmax"))
    #expect(try names([plain, scored], .eager).contains("softmax"))
    #expect(try !names([plain], .eager).union(names([plain, scored], .graph)).contains("softmax"))
  }

  @Test func `a precision that the device lacks is reported`() {
    #expect(
      throws: SimulatedDevicesError.precisionUnavailable(
        precision: "float16", device: "board", has: ["float32"])
    ) { try CostModel(device: Self.board, precision: .float16) }
  }

  @Test func `operations that have no cost are reported`() throws {
    let model = try CostModel(device: Self.board)
    let nothing = PassOperation(.pooling, .rows(1, width: 1), bytesRead: 0, bytesWritten: 0)
    let error = #expect(throws: SimulatedDevicesError.self) {
      try model.pass([nothing], model: "my_model")
    }
    #expect(
      error?.description
        == "my_model: its pooling has no cost on a simulated device yet; measure this model instead"
    )
    #expect(throws: SimulatedDevicesError.noCost(operation: "pass", model: "my_model")) {
      try model.pass([], model: "my_model")
    }
  }

  @Test func `a step names its cause`() throws {
    let model = try CostModel(device: Self.board, execution: .graph)
    let passes = try (60...70).map { rows in
      (tokens: rows, pass: try model.pass([Self.product(rows: rows)]))
    }
    let staircase = SimulatedStaircase(passes, model)
    #expect(staircase.edges.map(\.tokens) == [64])
    #expect(staircase.edges.first?.causes.map { $0.prefix(17) } == ["head: 2 → 1 waves"])
    #expect(staircase.tokensBelowSteps == [64])
    #expect(staircase.nearestEdge(to: 61)?.distance == 3)
  }
}
