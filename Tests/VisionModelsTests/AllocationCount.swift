import CAllocationCounter
import CKernels
import Foundation
import Testing
import VisionModels

@testable import CPUBackend

extension PassRunner {
  /// The number of heap allocations of one pass, by this thread and by the workers of its CPU
  /// backend.
  func allocationsOfOnePass() throws -> Int {
    let pool = try #require(model.backend as? CPUBackend).pool
    let counter = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    counter.pointee = 0
    defer { counter.deallocate() }
    func onEachWorker(countInto counter: UnsafeMutablePointer<Int>?) {
      lab_pool_run(
        pool,
        { counter, _ in lab_count_allocations_into(counter?.assumingMemoryBound(to: Int.self)) },
        counter)
    }
    onEachWorker(countInto: counter)
    run()
    onEachWorker(countInto: nil)
    return counter.pointee
  }
}

@Suite(.enabled(if: lab_allocations_can_be_counted(), "needs glibc")) struct AllocationCountTests {
  @Test func `allocations of every worker are counted`() throws {
    let backend = try CPUBackend(threads: 3)
    let counter = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    counter.pointee = 0
    defer { counter.deallocate() }
    lab_pool_run(
      backend.pool,
      { counter, _ in
        lab_count_allocations_into(counter?.assumingMemoryBound(to: Int.self))
        giveBack(malloc(64))
        lab_count_allocations_into(nil)
      }, counter)
    #expect(counter.pointee == backend.threads)
  }
}

/// Not inlined, because otherwise the compiler removes the allocation.
@inline(never) private func giveBack(_ pointer: UnsafeMutableRawPointer?) { free(pointer) }
