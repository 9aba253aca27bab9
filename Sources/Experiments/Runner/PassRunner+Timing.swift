import Measurement
import Records
import Tensors
import VisionModels

/// The parts of a pass that a clock needs.
extension PassRunner: DeviceTimedPass {
  package var isCaptured: Bool { captured != nil }
  package func upload() { upload(imageKeys: nil) }
  package func emptyCache() { captured?.emptyCache() }
  package func replayTimed() { captured?.replayTimed() }
  package func synchronize() { model.backend.synchronize() }
  package func check() throws { try model.backend.check() }
  package func state() -> GPUState? { model.backend.state() }
  package func deviceTime() -> Duration? { captured?.deviceTime() }
  package func deviceTime(replays: Int) -> Duration? { captured?.deviceTime(replays: replays) }

  /// The closures that time the pass: with the device's clock if it captures passes, otherwise with
  /// a stopwatch around the whole pass.
  func timed(by clock: PassClock, coldCache: Bool) -> TimedVariant {
    let backend = model.backend
    guard backend.capturesPasses else {
      return TimedVariant(run: { self.run() }, synchronize: backend.synchronize)
    }
    return clock.timed(self, coldCache: coldCache)
  }
}
