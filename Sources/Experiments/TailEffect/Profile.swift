import Records
import TokenReduction

extension Spec {
  /// The spec that times the grid alone: `random` at every token count, with the grid's own timing.
  ///
  /// Its records are those of a tail-effect search on the same device.
  package func profiling() -> Spec {
    var profile = self
    profile.latency = grid.timing
    profile.accuracy.mode = .no
    var counts: [Int] = []
    for model in models {
      let geometry = model.entry.info.tokens
      counts += grid.tokenCounts(geometry).map { geometry.tokens - $0 }
    }
    profile.methods = Set(counts).sorted().map { r in
      MethodChoice(
        path: "methods[0]", method: RandomRemoval.self,
        parameters: ["r": .integer(r), "seed": .integer(seed)])
    }
    return profile
  }
}
