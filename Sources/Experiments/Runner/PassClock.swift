import Measurement
import Records
import VisionModels

/// Times one pass as its device allows: a processor by the stopwatch around the whole pass, a GPU
/// by its own clock around the recorded pass, with the stopwatch as a cross-check.
///
/// On a GPU a sample begins when the images are on the device and ends with the logits on it:
/// copying is no part of it.
final class PassClock {
  private let stopwatch: any Stopwatch
  private(set) var deviceMilliseconds: [Double] = []
  /// From starting a recorded pass until it was done, of the same passes.
  private(set) var wallMilliseconds: [Double] = []
  private var started = Duration.zero
  /// Passes that warm up, and how many of them are left.
  private var warmUpsLeft: Int
  /// The device's clocks once it is warm: before, a card rests at a fraction of them.
  private(set) var warmState: GPUState?

  init(stopwatch: any Stopwatch, warmup: Int) {
    self.stopwatch = stopwatch
    warmUpsLeft = max(1, warmup)
  }

  /// Milliseconds of one pass of many that are queued back to back; `nil` where the device captures
  /// none, or fails.
  func cardMilliseconds(_ pass: PassRunner) -> Double? {
    // Enough passes that the first one's start does not count.
    deviceMilliseconds.isEmpty ? nil : pass.captured?.deviceTime(replays: 20)?.inMilliseconds
  }

  /// The closures of a pass whose input is there.
  ///
  /// - Throws: What the device says where it cannot capture the pass.
  func timed(_ pass: PassRunner, coldCache: Bool) throws -> TimedVariant {
    let backend = pass.model.backend
    guard backend.capturesPasses else {
      return TimedVariant(run: { pass.run() }, synchronize: backend.synchronize)
    }
    return TimedVariant(
      run: { [self] in
        // Captured in the first, untimed pass, so that what goes wrong is this variant's failure.
        guard let recorded = pass.captured else { return try backend.check() }
        if deviceMilliseconds.isEmpty { pass.upload() }
        if coldCache { recorded.emptyCache() }
        warmUpsLeft -= 1
        if warmUpsLeft == -1 { warmState = backend.state() }
        started = stopwatch.now
        recorded.replayTimed()
      },
      synchronize: { [self] in
        backend.synchronize()
        wallMilliseconds.append((stopwatch.now - started).inMilliseconds)
        try backend.check()
      },
      deviceTime: { [self] in
        let time = pass.captured?.deviceTime()
        try backend.check()
        if let time { deviceMilliseconds.append(time.inMilliseconds) }
        return time
      })
  }
}
