/// One fork-join region: what all workers read, and what each of them does.
///
/// A struct and not a closure, since a closure that crosses into C is copied to the heap, and a
/// forward pass must not allocate. `backend.run(region) { Self.enter($0, $1) }` runs one; a C
/// function pointer cannot be generic, hence the literal at each call.
protocol ParallelRegion {
  func run(worker: Int)
}

extension ParallelRegion {
  static func enter(_ region: UnsafeMutableRawPointer?, _ worker: Int32) {
    region?.assumingMemoryBound(to: Self.self).pointee.run(worker: Int(worker))
  }
}
