/// Where and by what program a record was measured: never part of its key, always part of the
/// record.
package struct Environment: Codable, Hashable, Sendable {
  /// The version of the program, and the commit it was built from, if known.
  package var program: String
  package var commit: String
  package var host: String
  package var system: String
  package var processor: String
  package var cores: Int
  package var threads: Int
  package var memoryBytes: Int
  /// The GEMM engine, library, version and kernels, for example `packed: lab AVX-512 14x32` or
  /// `blas: OpenBLAS 0.3.29, SkylakeX kernels`.
  package var blas: String
  /// The GPU driver if a GPU ran, otherwise `nil`.
  package var driver: String?
  /// Clock rates in MHz; empty where the system does not report them.
  package var clocksMHz: [Double]
  /// The state of a GPU before and after; `nil` without a GPU or if its driver does not report it.
  package var gpu: GPUStates?
  /// The load average of the last minute at the start, as a hint of what else ran.
  package var loadAverage: Double?
  /// ISO 8601, UTC.
  package var started: String
  package var durationSeconds: Double

  package init(
    program: String, commit: String, host: String, system: String, processor: String, cores: Int,
    threads: Int, memoryBytes: Int, blas: String, driver: String?, clocksMHz: [Double],
    loadAverage: Double?, started: String, durationSeconds: Double, gpu: GPUStates? = nil
  ) {
    self.program = program
    self.commit = commit
    self.host = host
    self.system = system
    self.processor = processor
    self.cores = cores
    self.threads = threads
    self.memoryBytes = memoryBytes
    self.blas = blas
    self.driver = driver
    self.clocksMHz = clocksMHz
    self.loadAverage = loadAverage
    self.started = started
    self.durationSeconds = durationSeconds
    self.gpu = gpu
  }

  enum CodingKeys: String, CodingKey {
    case program, commit, host, system, processor, cores, threads, blas, driver, started, gpu
    case memoryBytes = "memory_bytes"
    case clocksMHz = "clocks_mhz"
    case loadAverage = "load_average"
    case durationSeconds = "duration_seconds"
  }
}

/// Clocks and temperature of a GPU at the ends of a measurement.
package struct GPUStates: Codable, Hashable, Sendable {
  package var before: GPUState
  package var after: GPUState

  package init(before: GPUState, after: GPUState) {
    self.before = before
    self.after = after
  }
}

/// The state of a GPU at one moment, as far as its driver reports it.
package struct GPUState: Codable, Hashable, Sendable {
  package var clockMHz: Double?
  package var memoryClockMHz: Double?
  package var celsius: Double?
  /// Why it ran below its maximum clock, as text.
  package var slowdowns: [String]

  package init(
    clockMHz: Double?, memoryClockMHz: Double?, celsius: Double?, slowdowns: [String]
  ) {
    self.clockMHz = clockMHz
    self.memoryClockMHz = memoryClockMHz
    self.celsius = celsius
    self.slowdowns = slowdowns
  }

  enum CodingKeys: String, CodingKey {
    case celsius, slowdowns
    case clockMHz = "clock_mhz"
    case memoryClockMHz = "memory_clock_mhz"
  }
}
