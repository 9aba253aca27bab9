import Records

/// A pass that a device repeats by itself, with a clock of the device.
package protocol DeviceTimedPass: AnyObject {
  /// Whether the device has captured the pass, which the first call makes it do; where that fails
  /// `check()` throws the reason.
  var isCaptured: Bool { get }
  /// Brings the input to the device.
  func upload()
  /// Fills the device's cache with something else.
  func emptyCache()
  /// Starts the pass between two marks of the device's clock.
  func replayTimed()
  func synchronize()
  func check() throws
  /// Clocks and temperature, where the device reports them.
  func state() -> GPUState?
  /// Between the marks of the last `replayTimed`; `nil` where the device failed.
  func deviceTime() -> Duration?
  /// The time of one of `replays` passes queued back to back; `nil` where the device failed.
  func deviceTime(replays: Int) -> Duration?
}

/// Times one captured pass by its device's own clock, with the stopwatch as a cross-check.
///
/// A sample begins when the images are on the device and ends with the logits on it: copying is no
/// part of it.
package final class PassClock {
  private let stopwatch: any Stopwatch
  package private(set) var deviceMilliseconds: [Double] = []
  /// From starting a recorded pass until it was done, of the same passes.
  package private(set) var wallMilliseconds: [Double] = []
  private var started = Duration.zero
  /// Passes that warm up, and how many of them are left.
  private var warmUpsLeft: Int
  /// The device's clocks once it is warm: before, a card rests at a fraction of them.
  package private(set) var warmState: GPUState?

  package init(stopwatch: any Stopwatch, warmup: Int) {
    self.stopwatch = stopwatch
    warmUpsLeft = max(1, warmup)
  }

  /// Milliseconds of one pass of many that are queued back to back; `nil` where nothing was timed,
  /// or the device fails.
  package func cardMilliseconds(_ pass: some DeviceTimedPass) -> Double? {
    guard !deviceMilliseconds.isEmpty, pass.isCaptured else { return nil }
    // Enough passes that the first one's start does not count.
    return pass.deviceTime(replays: 20)?.inMilliseconds
  }

  /// The closures of a pass whose input is there.
  package func timed(_ pass: some DeviceTimedPass, coldCache: Bool) -> TimedVariant {
    TimedVariant(
      run: { [self] in
        // Captured in the first, untimed pass, so that what goes wrong is this variant's failure.
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
