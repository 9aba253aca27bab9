import Tensors

extension DeviceDescription {
  /// A processor without given facts, as a beginning for a fit to its measured latencies.
  ///
  /// - Parameters:
  ///   - name: as records name it.
  ///   - threads: Worker threads, which share a wave of tiles as multiprocessors do.
  ///   - fastestTeraflops: The rate of the fastest measured pass, in 10¹² floating-point operations
  ///     a second; a peak of twice that leaves the fit room on both sides. `nil`: two fused
  ///     multiply-adds of 16 values a clock at 3 GHz for each thread.
  package static func processor(
    name: String, hardware: String, threads: Int, fastestTeraflops: Double? = nil
  ) -> DeviceDescription {
    let nominal = "a nominal value: the fit decides the share of it that is reached"
    return DeviceDescription(
      name: name, title: hardware.isEmpty ? "processor" : hardware,
      multiprocessors: threads,
      bandwidthGBPerSecond: 50, level2CacheMiB: 2,
      peakTeraflops: [.float32: fastestTeraflops.map { 2 * $0 } ?? 0.192 * Double(threads)],
      standardPrecision: .float32,
      // The tiles of the program's own kernels for AVX-512 and AVX2.
      tiles: [Tile(rows: 14, columns: 32), Tile(rows: 6, columns: 16)], hasFusedAttention: true,
      sources: [
        "multiprocessors": "worker threads of the measured records", "bandwidth_gb_s": nominal,
        "l2_mib": nominal, "peak_tflops": nominal,
      ],
      constants: CostConstants(
        efficiency: 0.5, bandwidthEfficiency: 0.3, hostCallMicroseconds: 0.1,
        launchMicroseconds: 1, graphLaunchMicroseconds: 3, tileOverhead: 3, cacheSpeedup: 3),
      fittedTo: "nothing yet")
  }
}
