/// The threads that share the work on one image.
package struct HostWorkers {
  /// A `lab_pool` that is otherwise idle; `nil` if the calling thread works alone.
  package let pool: OpaquePointer?

  package init(pool: OpaquePointer) { self.pool = pool }
  private init() { pool = nil }

  package static var alone: HostWorkers { HostWorkers() }
}

/// A part of a token reduction that runs on the host, image by image: the reference implementation
/// of a score or disposal, used by devices without a kernel for it.
///
/// It is created before the first pass, with the tensors that it reads and writes. A device whose
/// memory the host can access passes their addresses; another device copies them to the host and
/// back, and does not capture the pass.
package final class HostStep {
  /// What happens to a tensor.
  package enum Access: Sendable { case read, write, update }

  package struct Operand {
    package let tensor: Tensor
    package let access: Access

    package init(tensor: Tensor, access: Access) {
      self.tensor = tensor
      self.access = access
    }
  }

  package typealias Body = (
    _ image: Int, _ addresses: UnsafePointer<UnsafeMutableRawPointer>, _ workers: HostWorkers
  ) -> Void

  package let batchSize: Int
  /// What the dry run logs.
  package let operation: PassOperation
  package let operands: [Operand]
  private let body: Body
  private let addresses: UnsafeMutablePointer<UnsafeMutableRawPointer>
  /// Copies of the operands, for a device whose memory the host cannot access.
  private var staging: [UnsafeMutableRawPointer] = []

  /// - Parameters:
  ///   - tokens: The token counts of an image before and after, and the width.
  ///   - body: Called once per image, possibly by several threads at once, with pointers to the
  ///     operands (float32, or Int32 for index tensors) and the threads that help with that image.
  package init(
    batchSize: Int, tokens: (before: Int, after: Int, width: Int), operands: [Operand],
    body: @escaping Body
  ) {
    self.batchSize = batchSize
    self.operands = operands
    self.body = body
    operation = PassOperation(
      .hostReduction,
      .tokens(
        batch: batchSize, before: tokens.before, after: tokens.after, width: tokens.width),
      bytesRead: operands.reduce(0) { $1.access == .write ? $0 : $0 + $1.tensor.bytes },
      bytesWritten: operands.reduce(0) { $1.access == .read ? $0 : $0 + $1.tensor.bytes })
    addresses = .allocate(capacity: max(1, operands.count))
    for (index, operand) in operands.enumerated() {
      (addresses + index).initialize(to: operand.tensor.storage.address)
    }
  }

  deinit {
    addresses.deallocate()
    for buffer in staging { buffer.deallocate() }
  }

  /// Runs one image on the operands' own memory.
  package func run(image: Int, workers: HostWorkers = .alone) { body(image, addresses, workers) }

  /// Copies the operands to the host, runs every image, and copies the results back.
  package func run(copyingOn device: any Device) {
    if staging.isEmpty {
      for (index, operand) in operands.enumerated() {
        let copy = UnsafeMutableRawPointer.allocate(
          byteCount: 4 * operand.tensor.shape.count, alignment: 64)
        copy.initializeMemory(as: Int32.self, repeating: 0, count: operand.tensor.shape.count)
        staging.append(copy)
        addresses[index] = copy
      }
    }
    for (operand, copy) in zip(operands, staging) where operand.access != .write {
      let (tensor, count) = (operand.tensor, operand.tensor.shape.count)
      if tensor.dtype == .int32 {
        device.download(
          tensor,
          to: UnsafeMutableBufferPointer(
            start: copy.assumingMemoryBound(to: Int32.self), count: count))
      } else {
        device.download(
          tensor,
          to: UnsafeMutableBufferPointer(
            start: copy.assumingMemoryBound(to: Float.self), count: count))
      }
    }
    for image in 0..<batchSize { body(image, addresses, .alone) }
    for (operand, copy) in zip(operands, staging) where operand.access != .read {
      let (tensor, count) = (operand.tensor, operand.tensor.shape.count)
      if tensor.dtype == .int32 {
        device.upload(
          UnsafeBufferPointer(start: copy.assumingMemoryBound(to: Int32.self), count: count),
          to: tensor)
      } else {
        device.upload(
          UnsafeBufferPointer(start: copy.assumingMemoryBound(to: Float.self), count: count),
          to: tensor)
      }
    }
  }
}
