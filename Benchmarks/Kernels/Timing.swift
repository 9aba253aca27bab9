import Measurement

/// Memory that a kernel reads and writes, filled with numbers between -1 and 1.
func buffer(_ count: Int, seed: UInt64 = 1) -> UnsafeMutablePointer<Float> {
  let numbers = UnsafeMutableRawPointer.allocate(
    byteCount: count * MemoryLayout<Float>.stride, alignment: 4096
  ).bindMemory(to: Float.self, capacity: count)
  var state = seed
  for index in 0..<count {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    numbers[index] = Float(Int32(truncatingIfNeeded: state >> 33)) / Float(Int32.max)
  }
  return numbers
}

/// Least seconds of one call of each body, over interleaved rounds of a few milliseconds: a bound
/// is compared with a bound.
func leastSeconds(_ bodies: [() -> Void], rounds: Int = 12) -> [Double] {
  let clock = ContinuousClock()
  func time(_ body: () -> Void, _ calls: Int) -> Double {
    let taken = clock.measure { for _ in 0..<calls { body() } }
    return taken.inSeconds / Double(calls)
  }
  let calls = bodies.map { max(1, Int(0.003 / max(1e-7, time($0, 1)))) }
  var minimum = [Double](repeating: .infinity, count: bodies.count)
  for _ in 0..<rounds {
    for index in bodies.indices {
      minimum[index] = min(minimum[index], time(bodies[index], calls[index]))
    }
  }
  return minimum
}

func formatted(_ value: Double, _ digits: Int = 1) -> String {
  let factor = (0..<digits).reduce(1.0) { result, _ in result * 10 }
  return "\((value * factor).rounded() / factor)"
}
