import Tensors

/// How one of several ways to compute the same is chosen: by time on the card.
enum ProductTrial {
  /// Calls in one graph: enough that starting the graph is a small part of its time.
  static let calls = 30
  /// Replays of a graph, of which the shortest counts: others disturb only upwards.
  static let replays = 3
  /// Milliseconds that the calls of one graph should not exceed.
  private static let limit = 20.0
  /// What another way must gain over the first.
  ///
  /// Noise between neighboring token counts would else be steps in a staircase of our own making.
  static let gain = 0.03

  /// The index of the way to use; `nil` where there is none.
  ///
  /// - Parameter times: The library's own order, or the usual way first.
  static func choice(_ times: [Double]) -> Int? {
    guard let first = times.first,
      let best = times.indices.min(by: { times[$0] < times[$1] })
    else { return nil }
    return times[best] < first * (1 - gain) ? best : 0
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
