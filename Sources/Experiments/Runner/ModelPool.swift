import Records
import TokenReduction
import VisionModels

/// Holds the last model loaded, since the work of a plan is ordered by model.
final class ModelPool {
  private struct Identity: Equatable {
    let setting: ModelSetting
    let device: DeviceSetting
  }
  private var current: (identity: Identity, model: VisionTransformer)?

  /// The model on a device, loaded unless it is the one asked for last.
  ///
  /// Errors: those of weights that do not fit, and of memory.
  func model(_ planned: PlannedModel, on device: PlannedDevice) throws -> VisionTransformer {
    let identity = Identity(setting: planned.setting, device: device.setting)
    if let current, current.identity == identity { return current.model }
    current = nil
    let model = try VisionTransformer(
      architecture: planned.architecture, name: planned.setting.name, weights: planned.weights,
      backend: device.backend)
    current = (identity, model)
    return model
  }

  /// A pass of a method over `batchSize` images.
  func pass(
    _ planned: PlannedModel, on device: PlannedDevice, _ method: MethodSetting, batchSize: Int
  ) throws -> ForwardPass {
    let composition = try TokenReductionRegistry.composition(
      for: method, geometry: planned.architecture.geometry)
    return try ForwardPass(
      model: try model(planned, on: device), composition: composition, batchSize: batchSize)
  }
}

extension ForwardPass {
  /// What a record says of the cost.
  var cost: ForwardCost {
    ForwardCost(
      tokensAfterBlocks: tokensAfterBlocks, macs: macs, parameters: model.parameterCount)
  }
}
