import Tensors

/// Comparing the implementations of a layer before one of them is used.
extension CUDABackend {
  /// What two implementations may differ by, in units of rounding of the largest value: they round
  /// at different places, and sum in different orders.
  private static let roundings: Float = 16

  /// The implementation whose result the others must have.
  func reference(of ways: [Way]) -> Int { ways.firstIndex { $0.name == "library" } ?? 0 }

  /// The indices of implementations whose result agrees with the library's.
  ///
  /// `nil` if there is no memory to compare. The others are refused from here on, and `refusedWays`
  /// says why.
  ///
  /// - Parameters:
  ///   - work: What they compute, in words.
  ///   - output: What they write: `rows` dense rows of `columns` activations.
  /// - Throws: `CUDAError` where the library fails, or the card is lost.
  func waysThatAgree(
    _ ways: [Way], as work: String, rows: Int, columns: Int, _ output: UnsafeMutableRawPointer
  ) throws(CUDAError) -> [Int]? {
    let reference = reference(of: ways)
    let count = rows * columns
    let parts = min(1024, Self.blocks(count, 2048))
    let bytes = Arena.aligned(count * activationType.byteCount)
    guard let memory = try? MemoryChunk(card, bytes: bytes + 8 * parts) else { return nil }
    ways[reference].run()
    launch(
      "combine" + suffix, grid: (Self.blocks(count, 256), 1, 1), block: 256, .address(output),
      .int(columns), .address(nil), .int(0), .int(1), .address(memory.address), .int(columns),
      .int(rows), .int(columns), .int(0), .int(Activation.identity.kernelMode))
    try card.takeFailure()
    var right: [Int] = []
    for (index, way) in ways.enumerated() {
      if index == reference {
        right.append(index)
      } else if refusedWays[way.name] == nil {
        refusedWays[way.name] = try refusal(of: way, work) { () throws(CUDAError) in
          // NaN stays where it writes nothing.
          try card.check(
            card.driver.cuMemsetD32Async(
              output.device, .max, count * activationType.byteCount / 4, card.stream), "clearing")
          way.run()
          return try largestDifference(
            memory.address, output, count: count, parts: parts, in: memory.address + bytes)
        }
        if refusedWays[way.name] == nil { right.append(index) }
      }
    }
    return right
  }

  /// Why an implementation must not be used; `nil` if it is right.
  ///
  /// - Throws: `CUDAError` of a card that is lost.
  private func refusal(
    of way: Way, _ work: String,
    _ compare: () throws(CUDAError) -> (difference: Float, largest: Float)
  ) throws(CUDAError) -> String? {
    do throws(CUDAError) {
      let (difference, largest) = try compare()
      guard difference > Self.roundings * roundingUnit * largest else { return nil }
      return "\(way.name) is not used: \(work) differs from the library's by \(difference), where "
        + "the largest value is \(largest)"
    } catch {
      guard !card.isBroken else { throw error }
      return "\(way.name) is not used: \(work): \(error)"
    }
  }

  /// Half of a unit in the last place of a number near 1.
  private var roundingUnit: Float {
    switch activationType {
    case .float16: 0x1p-11
    case .bfloat16: 0x1p-8
    default: 0x1p-24
    }
  }

  /// The largest difference of activations, infinite where only one is a number, and the largest
  /// value of the first.
  private func largestDifference(
    _ first: UnsafeMutableRawPointer, _ second: UnsafeMutableRawPointer, count: Int, parts: Int,
    in memory: UnsafeMutableRawPointer
  ) throws(CUDAError) -> (difference: Float, largest: Float) {
    launch(
      "differences" + suffix, grid: (parts, 1, 1), block: 256, shared: 4 * 8, .address(first),
      .address(second), .address(memory), .long(count))
    var found = [Float](repeating: .nan, count: 2 * parts)
    found.withUnsafeMutableBytes { bytes in
      if let target = bytes.baseAddress {
        card.copy(from: memory, to: target, bytes: bytes.count)
      }
    }
    try card.takeFailure()
    var (difference, largest) = (Float(0), Float(0))
    for part in 0..<parts {
      difference = max(difference, found[2 * part])
      largest = max(largest, found[2 * part + 1])
    }
    return (difference, largest)
  }
}
