/// How two classifiers differ on some images, which decides a race.
package struct PairedBatch: Hashable, Sendable {
  /// Images that only the second (the method) classifies correctly.
  package var won: Int
  /// Images that only the first (the baseline) classifies correctly.
  package var lost: Int
  /// All other images, including those that could not be read.
  package var alike: Int

  package init(won: Int = 0, lost: Int = 0, alike: Int = 0) {
    self.won = won
    self.lost = lost
    self.alike = alike
  }

  package var images: Int { won + lost + alike }

  /// The sum of the differences.
  var sum: Int { won - lost }

  /// The batch with the two classifiers exchanged.
  var exchanged: PairedBatch { PairedBatch(won: lost, lost: won, alike: alike) }

  /// Adds one image; `nil` if it could not be read.
  package mutating func count(first: Bool?, second: Bool?) {
    guard let first, let second, first != second else { return alike += 1 }
    if second { won += 1 } else { lost += 1 }
  }
}
