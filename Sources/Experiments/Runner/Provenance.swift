import Foundation
import Measurement
import Records
import Tensors

/// Makes the part of a record that says where and by what it was made.
struct Provenance {
  private let started = Date()
  private let startedAt: Duration
  private let stopwatch = MonotonicStopwatch()
  private let state = MachineState.now()

  /// Begins a measurement.
  init() { startedAt = stopwatch.now }

  /// Seconds since the measurement began.
  var seconds: Double { (stopwatch.now - startedAt).inSeconds }

  /// What the machine was doing when the measurement began.
  var stateBefore: MachineState { state }

  /// The environment of a record that is finished now.
  func environment(_ backend: any Backend) -> Environment {
    let machine = MachineFacts.current
    return Environment(
      program: Program.version, commit: Program.commit, host: machine.host,
      system: machine.system, processor: machine.processor, cores: machine.cores,
      threads: backend.threads, memoryBytes: machine.memoryBytes,
      blas: backend.libraryDescription, driver: nil, clocksMHz: state.clocksMHz,
      loadAverage: state.loadAverage, started: Self.text(started), durationSeconds: seconds)
  }

  /// ISO 8601 in UTC, to the millisecond.
  static func text(_ date: Date) -> String {
    date.formatted(
      .iso8601.year().month().day().time(includingFractionalSeconds: true)
        .timeZone(separator: .omitted))
  }
}
