import Records

/// A captured pass that a device replays, with the device's clock.
package protocol DeviceTimedPass: AnyObject {
  /// Whether the device has captured the pass; the first call captures it, and if that fails,
  /// `check()` throws the reason.
  var isCaptured: Bool { get }
  /// Uploads the input to the device.
  func upload()
  /// Overwrites the device's cache.
  func emptyCache()
  /// Starts the pass between two events of the device's clock.
  func replayTimed()
  func synchronize()
  func check() throws
  /// Clocks and temperature, if the device reports them.
  func state() -> GPUState?
  /// The time between the events of the last `replayTimed`; `nil` if the device failed.
  func deviceTime() -> Duration?
  /// The time per pass of `replays` passes enqueued back to back; `nil` if the device failed.
  func deviceTime(replays: Int) -> Duration?
}

/// Times one captured pass by its device's own clock, with the stopwatch as a cross-check.
///
/// A sample begins when the images are on the device and ends when the logits are on it: it
/// excludes copying.
package final class PassClock {
  private let stopwatch: any Stopwatch
  package private(set) var deviceMilliseconds: [Double] = []
  /// The stopwatch times of the same passes, from start to completion.
  package private(set) var wallMilliseconds: [Double] = []
  private var started = Duration.zero
  /// The number of warm-up passes, and how many are left.
  private var warmUpsLeft: Int
  /// The device's clocks after warm-up: an idle GPU runs at a fraction of them.
  package private(set) var warmState: GPUState?

  package init(stopwatch: any Stopwatch, warmup: Int) {
    self.stopwatch = stopwatch
    warmUpsLeft = max(1, warmup)
  }

  /// Milliseconds per pass of many passes enqueued back to back; `nil` if nothing was timed or the
  /// device fails.
  package func cardMilliseconds(_ pass: some DeviceTimedPass) -> Double? {
    guard !deviceMilliseconds.isEmpty, pass.isCaptured else { return nil }
    // Enough passes that the start of the first one is negligible.
    return pass.deviceTime(replays: 20)?.inMilliseconds
  }

  /// The closures of a pass whose input is uploaded.
  package func timed(_ pass: some DeviceTimedPass, coldCache: Bool) -> TimedVariant {
    TimedVariant(
      run: { [self] in
        // Captured in the first, untimed pass, so that an error fails only this variant.
        guard pass.isCaptured else { return try pass.check() }
        if deviceMilliseconds.isEmpty { pass.upload() }
        if coldCache { pass.emptyCache() }
        warmUpsLeft -= 1
        if warmUpsLeft == -1 { warmState = pass.state() }
        started = stopwatch.now
        pass.replayTimed()
      },
      synchronize: { [self] in
        pass.synchronize()
        wallMilliseconds.append((stopwatch.now - started).inMilliseconds)
        try pass.check()
      },
      deviceTime: { [self] in
        let time = pass.isCaptured ? pass.deviceTime() : nil
        try pass.check()
        if let time { deviceMilliseconds.append(time.inMilliseconds) }
        return time
      })
  }
}
