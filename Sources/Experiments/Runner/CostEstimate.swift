import Records
import VisionModels

/// The expected seconds of trials: MACs divided by a speed from earlier records or a few passes.
package struct CostEstimate {
  /// The MACs per second of each model (by the text of its sizes) on each device.
  private var speeds: [Place: Double] = [:]

  private struct Place: Hashable {
    let architecture: AnyHashable
    let device: DeviceSetting

    init(_ model: PlannedModel, _ device: PlannedDevice) {
      architecture = AnyHashable(model.choice.entry.architecture)
      self.device = device.setting
    }
  }

  package init() {}

  /// Whether the speed of a model on a device is known.
  package func knows(_ model: PlannedModel, _ device: PlannedDevice) -> Bool {
    speeds[Place(model, device)] != nil
  }

  /// Adds the speed of a pass; the fastest speed is kept, because a slower pass was disturbed or
  /// too small to fill the device.
  package mutating func learn(
    _ model: PlannedModel, _ device: PlannedDevice, macs: Double, seconds: Double
  ) {
    guard seconds > 0, macs > 0 else { return }
    let place = Place(model, device)
    speeds[place] = max(speeds[place] ?? 0, macs / seconds)
  }

  /// The expected seconds of one pass on `images` images; 0 if nothing is known.
  package func seconds(
    _ model: PlannedModel, _ device: PlannedDevice, _ method: PlannedMethod, images: Int
  ) -> Double {
    guard let speed = speeds[Place(model, device)] else { return 0 }
    return Double(method.macs) * Double(images) / speed
  }

  /// Expected seconds of an accuracy trial.
  package func seconds(_ work: AccuracyWork, _ method: PlannedMethod, images: Int) -> Double {
    seconds(work.model, work.device, method, images: images)
  }

  /// Expected seconds of a latency trial.
  package func seconds(_ work: LatencyWork, _ method: PlannedMethod) -> Double {
    let pass = seconds(work.model, work.device, method, images: work.batchSize)
    return work.timing.rule.expectedSeconds(estimate: pass)
  }
}
