/// One fork-join region: the data that all workers read, and what each of them does.
///
/// A struct instead of a closure, because a closure passed to C is copied to the heap, and a
/// forward pass must not allocate. `backend.run(region) { Self.enter($0, $1) }` runs a region; the
/// literal at each call is needed because a C function pointer cannot be generic.
protocol ParallelRegion {
  func run(worker: Int)
}

extension ParallelRegion {
  static func enter(_ region: UnsafeMutableRawPointer?, _ worker: Int32) {
    region?.assumingMemoryBound(to: Self.self).pointee.run(worker: Int(worker))
  }
}
