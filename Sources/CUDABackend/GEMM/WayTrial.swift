import Tensors

/// Chooses one of several implementations of the same operation, by their time on the GPU.
enum WayTrial {
  /// The number of calls in one graph: enough that launching the graph is a small part of its time.
  static let calls = 30
  /// The number of replays of a graph, of which the shortest counts, because disturbances only add
  /// time.
  static let replays = 3
  /// Milliseconds that the calls of one graph should not exceed.
  private static let limit = 20.0
  /// The gain over the default that another implementation must reach.
  ///
  /// Otherwise, noise between neighboring token counts would appear as steps of the staircase.
  static let gain = 0.03
  /// How far the rows of two layers may be apart, as a share, that one keeps to the other's way.
  static let neighborhood = 0.25

  /// The index of the implementation to use; `nil` if there is none.
  ///
  /// - Parameters:
  ///   - times: The library's own order, or the usual way first.
  ///   - usual: What stays unless another is faster by more than `gain`: the way of the nearest
  ///     number of rows, where it is known.
  static func choice(_ times: [Double], usual: Int = 0) -> Int? {
    guard times.indices.contains(usual),
      let best = times.indices.min(by: { times[$0] < times[$1] })
    else { return nil }
    return times[best] < times[usual] * (1 - gain) ? best : usual
  }

  /// The choice for the number of rows nearest to `rows`, if it is near enough.
  static func nearest<Choice>(_ known: [Int: Choice], to rows: Int) -> Choice? {
    let near = known.min {
      (abs($0.key - rows), $0.key) < (abs($1.key - rows), $1.key)
    }
    guard let near, Double(abs(near.key - rows)) <= neighborhood * Double(rows) else { return nil }
    return near.value
  }

  /// Seconds of one call of many that are captured in one graph: single calls would time how fast
  /// the host starts them.
  ///
  /// - Throws: `CUDAError` where the card or the capture fails.
  static func seconds(_ card: CUDACard, _ operation: () -> Void) throws(CUDAError) -> Double {
    let clock = try DeviceClock(card)
    try clock.start()
    operation()
    let single = Double(try clock.stop())
    try card.takeFailure()
    let calls = max(1, min(Self.calls, Int(limit / max(single, 1e-3))))
    let graph = try CUDAGraph(card) { for _ in 0..<calls { operation() } }
    // A call that takes long shows in the first replay what it takes.
    if calls > 1 { graph.replay() }
    var best = Double.infinity
    for _ in 0..<(calls > 1 ? replays : 1) {
      guard let time = graph.deviceTime(replays: 1) else { break }
      best = min(best, time / Duration.seconds(1))
    }
    try card.takeFailure()
    return best / Double(calls)
  }
}
