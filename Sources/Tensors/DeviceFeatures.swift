/// A forward pass that a device has taken down and repeats without being told its operations again.
package protocol RecordedPass: AnyObject {
  /// Queues the pass.
  func replay()
  /// Queues the pass between two marks of the device's own clock.
  func replayTimed()
  /// Fills the device's cache with something else, and waits for that.
  func emptyCache()
  /// Between the marks of the last `replayTimed`, after all queued work; `nil` where the device failed.
  func deviceTime() -> Duration?
}

/// What a device does at one moment, as far as it tells.
package struct DeviceState: Hashable, Sendable {
  package var clockMHz: Double?
  package var memoryClockMHz: Double?
  package var celsius: Double?
  /// Why it runs below its full clock, in words; empty where nothing slows it.
  package var slowdowns: [String]

  package init(
    clockMHz: Double?, memoryClockMHz: Double?, celsius: Double?, slowdowns: [String]
  ) {
    self.clockMHz = clockMHz
    self.memoryClockMHz = memoryClockMHz
    self.celsius = celsius
    self.slowdowns = slowdowns
  }
}

/// What a backend offers beyond its operations; the defaults are those of a processor.
extension Backend {
  package var precision: Precision { .float32 }
  package var activationType: DType { .float32 }
  package var driver: String? { nil }
  package var recordsPasses: Bool { false }
  package var hasFlushableCache: Bool { false }
  package var peakMemoryBytes: Int? { nil }

  package func computing(at precision: Precision) throws -> any Backend {
    guard precision == self.precision else {
      throw TensorsError.precisionUnavailable(precision: precision.rawValue, device: name)
    }
    return self
  }

  package func withArena<Result>(
    bytes: Int?, _ body: () throws -> Result
  ) throws -> Result { try body() }

  package func stageImageKeys(_ keys: UnsafeBufferPointer<UInt64>, in storage: Tensor) {}

  package func record(_ body: () -> Void) throws -> (any RecordedPass)? { nil }

  package func check() throws {}

  package func fail(_ error: any Error) {}

  package func state() -> DeviceState? { nil }

  package func resetPeakMemory() {}
}
