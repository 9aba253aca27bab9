import Records
import SimulatedDevices
import VisionModels

/// Predicts the open trials of one piece of latency work on a simulated device.
struct SimulatedLatencies {
  let work: LatencyWork
  let simulation: CostModel
  let context: RunContext

  /// Predicts what no other process holds; returns whether anything was predicted.
  ///
  /// - Throws: `ExperimentsError.interrupted`, `.recordNotStored`; a method's failure is recorded.
  func run() throws -> Bool {
    let claims = try context.claim(work.trials.map(\.key))
    guard !claims.isEmpty else { return false }
    let provenance = Provenance()
    let activity =
      "\(work.purpose.rawValue) of \(work.model.setting.name), batch \(work.batchSize) on "
      + "\(work.device.setting.name)"
    for planned in work.trials {
      let method = planned.trial.method
      guard claims[planned.key] != nil, context.isOpen(planned.key) else { continue }
      try context.checkStop()
      let environment = provenance.environment(work.device, precision: work.precision)
      do {
        let result = try predict(method)
        try context.record(
          .latency(planned.trial, result), environment: environment,
          label: "\(activity), \(TrialLabel.short(method))",
          rate: "\(((result.samplesMilliseconds.first ?? 0) * 100).rounded() / 100) ms, predicted")
      } catch let error as ExperimentsError {
        throw error
      } catch {
        try context.recordFailure(
          error, key: planned.key, label: TrialLabel.text(planned.trial), environment: environment
        ) { .failedLatency(planned.trial, $0) }
      }
    }
    return true
  }

  private func predict(_ method: MethodSetting) throws -> LatencyResult {
    let entry = work.model.choice.entry
    let composition = try entry.composition(for: method)
    let run = try DryRun(
      entry.architecture, composition, batchSize: work.batchSize, precision: simulation.precision)
    let pass = try simulation.pass(run.operations, model: entry.name)
    let weights = entry.info.parameters * simulation.precision.storage.byteCount
    return LatencyResult(
      samplesMilliseconds: [simulation.milliseconds(pass)], rounds: [0], notes: [],
      peakMemoryBytes: run.activationBytes + weights,
      cost: ForwardCost(
        tokensAfterBlocks: composition.tokensAfterBlocks,
        macs: DryRun.macs(of: run.operations) / work.batchSize,
        parameters: entry.info.parameters, launches: run.operations.count,
        attention: AttentionCost(run.operations, images: work.batchSize)),
      predicted: simulation.operations(pass))
  }
}
