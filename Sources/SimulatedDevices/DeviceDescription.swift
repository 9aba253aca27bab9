import Tensors

/// The documented properties of a device, and the few constants that no document gives.
package struct DeviceDescription: Hashable, Sendable {
  /// The name in a spec: `jetson_tx2`.
  package var name: String
  /// The manufacturer's name.
  package var title: String
  /// Streaming multiprocessors of a GPU or threads of a CPU: the number of tiles per wave.
  package var multiprocessors: Int
  /// The memory bandwidth in GB/s (10⁹ bytes).
  package var bandwidthGBPerSecond: Double
  /// In MiB.
  package var level2CacheMiB: Double
  /// The dense peak of every precision that the device supports, in 10¹² floating-point operations
  /// per second; two per multiply-add.
  package var peakTeraflops: [Precision: Double]
  /// The precision that a pass is predicted in by default.
  package var standardPrecision: Precision
  /// Rows × columns of the output tiles of its matrix products.
  package var tiles: [Tile]
  /// Whether an eager pass without token reduction uses one fused kernel for attention.
  package var hasFusedAttention: Bool
  /// Where each fact is from, by its key in the file.
  package var sources: [String: String]
  package var constants: CostConstants
  /// The data that the constants were fitted to, or their origin.
  package var fittedTo: String
  /// The error of predictions that could be checked; `nil` if there are none.
  package var checked: CheckedError?

  /// The output tile of a matrix product.
  package struct Tile: Hashable, Sendable {
    package var rows: Int
    package var columns: Int

    package init(rows: Int, columns: Int) {
      self.rows = rows
      self.columns = columns
    }
  }
}

/// The constants that are fitted to measurements, a few for each device.
package struct CostConstants: Hashable, Sendable {
  /// The fraction of the peak that one multiprocessor reaches on an infinitely large tile.
  package var efficiency: Double
  /// The fraction of the memory bandwidth that kernels reach.
  package var bandwidthEfficiency: Double
  /// The host time for each call of an eager framework, in microseconds.
  package var hostCallMicroseconds: Double
  /// The fixed time of a kernel in eager execution, in microseconds.
  package var launchMicroseconds: Double
  /// The same for a kernel of a captured graph, or for an operation of a CPU.
  package var graphLaunchMicroseconds: Double
  /// Output rows (or columns) at which loading a tile's operands takes as long as multiplying them:
  /// a tile of m × n runs at `1 / (1 + tileOverhead · (1/m + 1/n))` of the efficiency.
  package var tileOverhead: Double
  /// The speed of the level-2 cache relative to memory.
  package var cacheSpeedup: Double

  package init(
    efficiency: Double, bandwidthEfficiency: Double, hostCallMicroseconds: Double,
    launchMicroseconds: Double, graphLaunchMicroseconds: Double, tileOverhead: Double,
    cacheSpeedup: Double
  ) {
    self.efficiency = efficiency
    self.bandwidthEfficiency = bandwidthEfficiency
    self.hostCallMicroseconds = hostCallMicroseconds
    self.launchMicroseconds = launchMicroseconds
    self.graphLaunchMicroseconds = graphLaunchMicroseconds
    self.tileOverhead = tileOverhead
    self.cacheSpeedup = cacheSpeedup
  }

  /// The constants by their keys in a device file, with the range that each may have.
  package static let fields: [Field] = [
    Field("efficiency", \.efficiency, 0.05...1),
    Field("bandwidth_efficiency", \.bandwidthEfficiency, 0.05...1),
    Field("tile_overhead", \.tileOverhead, 0.1...200),
    Field("cache_speedup", \.cacheSpeedup, 1...10),
    Field("host_call_us", \.hostCallMicroseconds, 0.01...1000, of: .eager),
    Field("launch_us", \.launchMicroseconds, 0.01...1000, of: .eager),
    Field("graph_launch_us", \.graphLaunchMicroseconds, 0.01...1000, of: .graph),
  ]

  /// A constant by its key in a device file.
  package struct Field: Sendable {
    package let key: String
    package let path: WritableKeyPath<CostConstants, Double> & Sendable
    package let range: ClosedRange<Double>
    /// The only execution that it affects; `nil` for both.
    package let execution: Execution?

    init(
      _ key: String, _ path: WritableKeyPath<CostConstants, Double> & Sendable,
      _ range: ClosedRange<Double>, of execution: Execution? = nil
    ) {
      self.key = key
      self.path = path
      self.range = range
      self.execution = execution
    }
  }
}

/// Errors of predictions at points that the fit did not see.
package struct CheckedError: Hashable, Sendable {
  package var points: Int
  package var medianPercent: Double
  package var worstPercent: Double

  package init(points: Int, medianPercent: Double, worstPercent: Double) {
    self.points = points
    self.medianPercent = medianPercent
    self.worstPercent = worstPercent
  }
}
