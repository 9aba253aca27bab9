import Foundation
import Measurement
import Records
import Tensors

/// Creates the environment of a record: where and by what it was measured.
struct Provenance {
  private let started = Date()
  private let startedAt: Duration
  private let stopwatch = MonotonicStopwatch()
  private let state = MachineState.now()

  private let gpu: GPUState?

  /// Begins a measurement.
  init(_ backend: (any Backend)? = nil) {
    startedAt = stopwatch.now
    gpu = backend?.state()
  }

  /// Seconds since the measurement began.
  var seconds: Double { (stopwatch.now - startedAt).inSeconds }

  /// The state of the machine when the measurement began.
  var stateBefore: MachineState { state }

  /// The environment of a record that is finished at this moment.
  ///
  /// - Parameters:
  ///   - precision: The precision of the trial, which determines the GEMM engine.
  ///   - warm: The device's clocks after its warm-up, in place of those of the beginning.
  func environment(
    _ device: PlannedDevice, precision: String, warm: GPUState? = nil
  ) -> Environment {
    let backend = (try? device.backend(precision: precision)) ?? device.backend
    let machine = MachineFacts.current
    return Environment(
      program: Program.version, commit: Program.commit, host: machine.host,
      system: machine.system, processor: machine.processor, cores: machine.cores,
      threads: backend.threads, memoryBytes: machine.memoryBytes,
      blas: backend.libraryDescription, driver: backend.driver, clocksMHz: state.clocksMHz,
      loadAverage: state.loadAverage, started: Self.text(started), durationSeconds: seconds,
      gpu: (warm ?? gpu).flatMap { before in
        backend.state().map { GPUStates(before: before, after: $0) }
      })
  }

  /// ISO 8601 in UTC, to the millisecond.
  static func text(_ date: Date) -> String {
    date.formatted(
      .iso8601.year().month().day().time(includingFractionalSeconds: true)
        .timeZone(separator: .omitted))
  }
}

extension GPUStates {
  /// Notes on a measurement between the two states.
  var notes: [String] {
    var notes: [String] = []
    if let first = before.clockMHz, let last = after.clockMHz, first > 0,
      abs(last / first - 1) > NoiseNotes.clockChange
    {
      notes.append("the GPU's clock went from \(Int(first)) to \(Int(last)) MHz")
    }
    if !after.slowdowns.isEmpty {
      notes.append("the GPU was slowed down: \(after.slowdowns.joined(separator: ", "))")
    }
    return notes
  }
}
