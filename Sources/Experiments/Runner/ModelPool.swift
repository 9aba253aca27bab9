import Records
import Tensors
import TokenReduction
import VisionModels

/// Keeps the last loaded model, because the work of a plan is ordered by model.
final class ModelPool {
  private struct Identity: Equatable {
    let setting: ModelSetting
    let device: DeviceSetting
    let precision: String
  }
  private var current: (identity: Identity, model: any VisionModel)?

  /// The model on a device; it is loaded unless it was the last one requested.
  ///
  /// - Throws: Those of weights that do not fit, and of memory.
  func model(
    _ planned: PlannedModel, on device: PlannedDevice, precision: String
  ) throws -> any VisionModel {
    let identity = Identity(
      setting: planned.setting, device: device.setting, precision: precision)
    if let current, current.identity == identity { return current.model }
    current = nil
    let model = try planned.choice.entry.architecture.load(
      name: planned.setting.name, weights: planned.weights,
      backend: try device.backend(precision: precision))
    current = (identity, model)
    return model
  }

  /// A pass of a method over `batchSize` images.
  func pass(
    _ planned: PlannedModel, on device: PlannedDevice, _ method: PlannedMethod, batchSize: Int,
    precision: String
  ) throws -> PassRunner {
    try PassRunner(
      model: try model(planned, on: device, precision: precision),
      composition: method.composition, batchSize: batchSize)
  }
}

extension PassRunner {
  /// The cost of a method for its record.
  ///
  /// - Parameter isTimed: Whether to count bytes, which depend on the batch size because the
  ///   weights are shared.
  func cost(of method: PlannedMethod, isTimed: Bool) -> ForwardCost {
    ForwardCost(
      tokensAfterBlocks: tokensAfterBlocks, macs: macs, parameters: model.info.parameters,
      trafficBytes: isTimed ? trafficBytes : nil, cut: method.cut, launches: operations.count,
      attention: AttentionCost(operations, images: batchSize))
  }
}

extension AttentionCost {
  /// The attention cost of a pass on `images` images; `nil` without softmax attention.
  init?(_ operations: [PassOperation], images: Int) {
    let all = operations.filter {
      [.attention, .scoredAttention, .attentionMap].contains($0.kind)
    }
    guard !all.isEmpty else { return nil }
    self.init(
      fused: all.count { $0.kind == .attention },
      scored: all.count { $0.kind == .scoredAttention },
      // A map is written, perhaps changed and read, and once multiplied by the values.
      explicit: all.count { operation in
        guard operation.kind == .attentionMap,
          case .attention(_, _, _, _, _, let valueDim) = operation.extent
        else { return false }
        return valueDim > 0
      }, bytes: all.reduce(0) { $0 + $1.bytesRead + $1.bytesWritten } / images)
  }
}
