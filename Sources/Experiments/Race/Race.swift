import Measurement
import Records

/// Evaluates all methods of a table on the same images in random order, batch by batch, until each
/// is known precisely enough or is clearly off the front.
///
/// The records are evaluated from the first batch on, so a decision depends only on the predictions
/// and latencies, however often the run was interrupted and whichever process made the records.
struct Race {
  struct Entrant {
    let method: PlannedMethod
    /// One a batch.
    let trials: [PlannedAccuracy]
    /// The median latencies in milliseconds, if they are known; a configuration without one keeps
    /// the method in the race.
    let latencies: [PlanBuilder.LatencyPlace: Double?]
  }

  /// The progress of an entrant.
  struct Outcome {
    /// The number of batches that it must classify.
    var batches = 0
    /// `nil` while it is in the race.
    var stop: RaceStop?
  }

  /// In the order of the rows, including the baseline.
  let entrants: [Entrant]
  let images: Int
  /// The half-width that intervals should have, as a fraction.
  let until: Double
  let ledger: RaceLedger
  let result: (String) -> Record?
  let givenUp: Set<String>

  /// A method with those that could put it off the front.
  private struct Defense {
    let rivals: [Int]
    var test: FrontTest
  }

  /// The batches to compute, and the entrants that have stopped.
  func outcomes() -> [Outcome] {
    var outcomes = entrants.map { _ in Outcome() }
    guard let baseline = entrants.firstIndex(where: { $0.method.isBaseline }) else {
      return outcomes
    }
    var defenses = self.defenses()
    var pairs = [[PairedBatch]](repeating: [], count: entrants.count)
    for batch in entrants[baseline].trials.indices {
      let racing = entrants.indices.filter { $0 != baseline && outcomes[$0].stop == nil }
      guard !racing.isEmpty else { break }
      var found: [Int: [Bool?]] = [:]
      var isWaiting = false
      for index in racing + [baseline] {
        let trial = entrants[index].trials[batch]
        outcomes[index].batches = batch + 1
        found[index] = ledger.outcomes(trial, result)
        guard found[index] == nil else { continue }
        if givenUp.contains(trial.key) {
          outcomes[index].stop = .failed
        } else {
          isWaiting = true
        }
      }
      guard !isWaiting, let reference = found[baseline] else { break }
      for index in racing {
        if let own = found[index] { pairs[index].append(RaceLedger.batch(reference, own)) }
      }
      for index in racing {
        guard let own = found[index] else { continue }
        defenses[index].test.add(
          defenses[index].rivals.map { rival in
            found[rival].map { RaceLedger.batch(own, $0) }
          })
      }
      for index in racing where outcomes[index].stop == nil {
        outcomes[index].stop = stop(
          index, baseline, pairs[index], defenses[index],
          isLast: batch + 1 == entrants[index].trials.count)
      }
    }
    let isOver = entrants.indices.allSatisfy { $0 == baseline || outcomes[$0].stop != nil }
    if isOver, outcomes[baseline].stop == nil {
      outcomes[baseline].stop =
        outcomes[baseline].batches == entrants[baseline].trials.count ? .everyImage : .narrow
    }
    return outcomes
  }

  /// Why an entrant stops after a batch; `nil` if it continues.
  private func stop(
    _ index: Int, _ baseline: Int, _ pairs: [PairedBatch], _ defense: Defense, isLast: Bool
  ) -> RaceStop? {
    if isLast { return .everyImage }
    // Other images in a batch would have given other predictions: nothing is known of a whole.
    guard !entrants[index].method.composition.dependsOnBatch else { return nil }
    if let leader = defense.test.leader {
      let winner = entrants[defense.rivals[leader]].method
      return .offFront(
        behind: RSearcher.distinguished(winner.setting, winner.composition.geometry))
    }
    let interval = ledger.interval(
      of: entrants[index].trials, against: entrants[baseline].trials, images: images,
      batches: pairs)
    return (interval.upper - interval.lower) / 2 <= until ? .narrow : nil
  }

  /// Every entrant with those that are never slower.
  private func defenses() -> [Defense] {
    entrants.indices.map { index in
      let rivals = entrants.indices.filter { $0 != index && isNowhereSlower($0, than: index) }
      return Defense(
        rivals: rivals, test: FrontTest(population: images, rivals: rivals.count))
    }
  }

  private func isNowhereSlower(_ second: Int, than first: Int) -> Bool {
    let places = entrants[first].latencies
    return !places.isEmpty
      && places.allSatisfy { place, latency in
        guard let latency, let other = entrants[second].latencies[place] ?? nil else {
          return false
        }
        return other <= latency
      }
  }
}
