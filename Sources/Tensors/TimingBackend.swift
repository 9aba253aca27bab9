import Records

/// Wraps a backend, and sums up the time, arithmetic and memory traffic of its operations by kind.
///
/// It waits for each operation, so on a device with a queue a pass takes longer than without it.
/// The wrapped backend does not change, and passes that are not wrapped have no overhead.
package final class TimingBackend: WrappedBackend {
  /// The totals of one kind of operation.
  package struct Total: Hashable, Sendable {
    package var calls = 0
    package var time = Duration.zero
    package var cost = OperationCost.zero
  }

  /// Since creation or the last `reset()`.
  package private(set) var totals: [OperationKind: Total] = [:]

  package let wrapped: any Backend
  private let now: () -> Duration

  /// - Parameter now: Time since any fixed moment.
  package init(_ base: any Backend, now: @escaping () -> Duration) {
    wrapped = base
    self.now = now
  }

  /// Clears all totals.
  package func reset() { totals.removeAll(keepingCapacity: true) }

  package func observe(_ operation: PassOperation, _ body: (any Backend) -> Void) {
    time(operation.kind, operation.cost) { body(wrapped) }
  }

  private func time(_ kind: OperationKind, _ cost: OperationCost, _ operation: () -> Void) {
    let start = now()
    operation()
    wrapped.synchronize()
    let end = now()
    totals[kind, default: Total()].calls += 1
    totals[kind, default: Total()].time += end - start
    totals[kind, default: Total()].cost = (totals[kind]?.cost ?? .zero) + cost
  }

  package func computing(at precision: Precision) throws -> any Backend {
    TimingBackend(try wrapped.computing(at: precision), now: now)
  }

  package func using(engine: String) throws -> any Backend {
    TimingBackend(try wrapped.using(engine: engine), now: now)
  }

  // MARK: Copies

  package func upload(_ values: UnsafeBufferPointer<Float>, to tensor: Tensor) {
    time(.upload, OperationCost(flops: 0, bytes: 2 * 4 * values.count)) {
      wrapped.upload(values, to: tensor)
    }
  }

  package func upload(
    _ pixels: UnsafeBufferPointer<UInt8>, normalizedBy table: UnsafeBufferPointer<Float>,
    to images: Tensor
  ) {
    time(.upload, OperationCost(flops: 0, bytes: 5 * pixels.count)) {
      wrapped.upload(pixels, normalizedBy: table, to: images)
    }
  }

  package func upload(_ values: UnsafeBufferPointer<Int32>, to tensor: Tensor) {
    time(.upload, OperationCost(flops: 0, bytes: 2 * 4 * values.count)) {
      wrapped.upload(values, to: tensor)
    }
  }

  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Float>) {
    time(.download, OperationCost(flops: 0, bytes: 2 * 4 * values.count)) {
      wrapped.download(tensor, to: values)
    }
  }

  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Int32>) {
    time(.download, OperationCost(flops: 0, bytes: 2 * 4 * values.count)) {
      wrapped.download(tensor, to: values)
    }
  }
}
