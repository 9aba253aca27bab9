import Tensors

/// What a device can do by its documents, and the few constants that no document gives.
package struct DeviceDescription: Hashable, Sendable {
  /// As a spec names it: `jetson_tx2`.
  package var name: String
  /// As its maker calls it.
  package var title: String
  /// Streaming multiprocessors of a GPU, threads of a processor: what a wave of tiles fills.
  package var multiprocessors: Int
  /// Of the memory, in GB/s (10⁹ bytes).
  package var bandwidthGBPerSecond: Double
  /// In MiB.
  package var level2CacheMiB: Double
  /// Dense arithmetic of every precision that the device has, in 10¹² floating-point operations a
  /// second; two for a multiply-add.
  package var peakTeraflops: [Precision: Double]
  /// The precision that a pass is predicted in by default.
  package var standardPrecision: Precision
  /// Rows × columns of the output tiles that its matrix products are cut into.
  package var tiles: [Tile]
  /// Whether an eager pass without token reduction has one kernel for attention.
  package var hasFusedAttention: Bool
  /// Where each fact is from, by its key in the file.
  package var sources: [String: String]
  package var constants: CostConstants
  /// What the constants were fitted to, or taken from.
  package var fittedTo: String
  /// How far predictions were off where they could be checked; `nil` where they were not.
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

/// What is fitted to measurements, a few numbers for each device.
package struct CostConstants: Hashable, Sendable {
  /// Share of the peak that one multiprocessor reaches on an endless tile.
  package var efficiency: Double
  /// Share of the memory's bandwidth that kernels reach.
  package var bandwidthEfficiency: Double
  /// Microseconds of the host for each call of an eager framework.
  package var hostCallMicroseconds: Double
  /// Microseconds that a kernel takes whatever it does, in eager execution.
  package var launchMicroseconds: Double
  /// The same of a kernel of a captured graph, or of an operation of a processor.
  package var graphLaunchMicroseconds: Double
  /// Output rows (or columns) at which loading a tile's operands takes as long as multiplying them:
  /// a tile of m × n runs at `1 / (1 + tileOverhead · (1/m + 1/n))` of the efficiency.
  package var tileOverhead: Double
  /// How much faster than the memory the level-2 cache is.
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
    /// The one execution that it matters to; `nil` for both.
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
