import Foundation
import Records
import Tensors

/// Predicts passes on a device.
///
/// A kernel takes `launch + max(compute, memory)`. A matrix product is divided into tiles, of which
/// every multiprocessor computes one at a time: `⌈tiles / multiprocessors⌉` waves, each as long as
/// one tile, with the best of the device's tiles, as libraries choose it. Memory takes `bytes /
/// bandwidth`, and less for what fits into the level-2 cache. In eager execution, the host takes
/// time for every call, and a kernel begins when the host has launched it and the previous kernel
/// is done; a captured graph has no host time.
package struct CostModel: Sendable {
  package let device: DeviceDescription
  package let precision: Precision
  package let execution: Execution

  /// - Throws: `SimulatedDevicesError.precisionUnavailable`.
  package init(
    device: DeviceDescription, precision: Precision? = nil, execution: Execution = .eager
  ) throws {
    let precision = precision ?? device.standardPrecision
    guard device.peakTeraflops[precision] != nil else {
      throw SimulatedDevicesError.precisionUnavailable(
        precision: precision.rawValue, device: device.name,
        has: Precision.allCases.filter { device.peakTeraflops[$0] != nil }.map(\.rawValue))
    }
    self.device = device
    self.precision = precision
    self.execution = execution
  }

  /// The pass whose operations a dry run logged with blocks fused.
  ///
  /// - Throws: `SimulatedDevicesError.noCost`.
  package func pass(
    _ operations: [PassOperation], model: String = "the model"
  ) throws -> PreparedPass {
    PreparedPass(
      try KernelExpansion.kernels(
        operations, execution: execution, precision: precision,
        hasFusedAttention: device.hasFusedAttention, model: model), device)
  }

  /// The predicted time of a pass in milliseconds.
  package func milliseconds(_ pass: PreparedPass) -> Double {
    milliseconds(pass, device.constants)
  }

  func milliseconds(_ pass: PreparedPass, _ constants: CostConstants) -> Double {
    let timer = KernelTimer(self, constants)
    var device = 0.0
    for index in pass.kernels.indices {
      let (time, _) = timer.microseconds(pass, index)
      device = max(device, pass.hostCalls[index] * timer.hostCall) + time
    }
    return device / 1e3
  }

  /// The time of each kind of operation in a pass, in the order of their first kernels.
  package func operations(_ pass: PreparedPass) -> [PredictedOperation] {
    let timer = KernelTimer(self, device.constants)
    var operations: [PredictedOperation] = []
    var places: [String: Int] = [:]
    let tileNames = device.tiles.map { "\($0.rows)×\($0.columns)" }
    for index in pass.kernels.indices {
      let (time, tile) = timer.microseconds(pass, index)
      let name = pass.kernels[index].name
      let place = places[name] ?? operations.count
      if place == operations.count {
        places[name] = place
        operations.append(PredictedOperation(name: name, milliseconds: 0, waves: nil))
      }
      operations[place].milliseconds += time / 1e3
      operations[place].waves = tile.map { pass.waves[index * pass.tiles + $0] }
      operations[place].tile = pass.kernels[index].isAttention ? nil : tile.map { tileNames[$0] }
    }
    return operations
  }
}

/// A pass with everything precomputed that does not depend on the fitted constants.
package struct PreparedPass: Sendable {
  package let kernels: [Kernel]
  /// Calls of the host up to each kernel.
  let hostCalls: [Double]
  let tiles: Int
  /// Moved by each kernel.
  let bytes: [Double]
  /// Whether each kernel multiplies.
  let multiplies: [Bool]
  /// Waves of each kernel with each tile, 0 without a product.
  let waves: [Int]
  /// Floating-point operations of one multiprocessor in the waves of each kernel with each tile.
  let flops: [Double]

  init(_ kernels: [Kernel], _ device: DeviceDescription) {
    self.kernels = kernels
    var calls = 0.0
    hostCalls = kernels.map { kernel in
      calls += kernel.hostCalls
      return calls
    }
    tiles = device.tiles.count
    bytes = kernels.map(\.bytes)
    multiplies = kernels.map { $0.product != nil }
    var waves: [Int] = []
    var flops: [Double] = []
    waves.reserveCapacity(kernels.count * tiles)
    flops.reserveCapacity(kernels.count * tiles)
    for kernel in kernels {
      for tile in device.tiles {
        let (count, work) = Self.work(kernel, tile, device.multiprocessors)
        waves.append(count)
        flops.append(work)
      }
    }
    self.waves = waves
    self.flops = flops
  }

  /// Queries of a tile of fused attention, as in FlashAttention.
  private static let attentionQueries = 64

  private static func work(
    _ kernel: Kernel, _ tile: DeviceDescription.Tile, _ multiprocessors: Int
  ) -> (waves: Int, flops: Double) {
    guard let product = kernel.product else { return (0, 0) }
    func parts(_ whole: Int, _ part: Int) -> Int { (whole + part - 1) / part }
    if kernel.isAttention {
      let blocks = product.count * parts(product.rows, attentionQueries)
      let waves = parts(blocks, multiprocessors)
      let perBlock = 2 * Double(attentionQueries) * Double(product.columns) * Double(product.inner)
      return (waves, Double(waves) * perBlock)
    }
    let blocks =
      product.count * parts(product.rows, tile.rows) * parts(product.columns, tile.columns)
    let waves = parts(blocks, multiprocessors)
    return (
      waves, Double(waves) * 2 * Double(tile.rows) * Double(tile.columns) * Double(product.inner)
    )
  }
}

/// Times kernels with one set of constants.
private struct KernelTimer {
  let hostCall: Double
  private let launch: Double
  /// Microseconds of a floating-point operation of one multiprocessor with each tile.
  private let perFlop: [Double]
  /// Microseconds of a byte of memory, and of one in the cache.
  private let perByte: (memory: Double, cache: Double)
  private let cacheBytes: Double

  init(_ model: CostModel, _ constants: CostConstants) {
    let device = model.device
    let peak = (device.peakTeraflops[model.precision] ?? 0) * 1e12 / 1e6
    let rate = peak / Double(device.multiprocessors) * constants.efficiency
    perFlop = device.tiles.map { tile in
      (1 + constants.tileOverhead * (1 / Double(tile.rows) + 1 / Double(tile.columns))) / rate
    }
    let bandwidth = device.bandwidthGBPerSecond * 1e9 / 1e6 * constants.bandwidthEfficiency
    perByte = (1 / bandwidth, 1 / (bandwidth * constants.cacheSpeedup))
    cacheBytes = device.level2CacheMiB * 0x1p20
    switch model.execution {
    case .eager:
      hostCall = constants.hostCallMicroseconds
      launch = constants.launchMicroseconds
    case .graph:
      hostCall = 0
      launch = constants.graphLaunchMicroseconds
    }
  }

  /// The time of a kernel, and the tile that decides it.
  func microseconds(_ pass: PreparedPass, _ index: Int) -> (time: Double, tile: Int?) {
    let bytes = pass.bytes[index]
    let memory = bytes * (bytes < cacheBytes ? perByte.cache : perByte.memory)
    guard pass.multiplies[index] else { return (launch + memory, nil) }
    var compute = Double.infinity
    var best = 0
    for tile in 0..<pass.tiles {
      let time = pass.flops[index * pass.tiles + tile] * perFlop[tile]
      if time < compute { (compute, best) = (time, tile) }
    }
    return (launch + max(compute, memory), compute >= memory ? best : nil)
  }
}
