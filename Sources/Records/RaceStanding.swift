/// How a row's accuracy was measured in a race: on the images of a data set in random order, batch
/// after batch, until it was known well enough.
package struct RaceStanding: Codable, Hashable, Sendable {
  /// Half of the width, in percentage points of top-1, that the interval of the difference to the
  /// baseline should have; `nil` where a setting within a drop was sought.
  package var untilPoints: Double?
  /// Why no further image was classified; `nil` where the race has not ended.
  package var stop: RaceStop?

  package init(untilPoints: Double?, stop: RaceStop?) {
    self.untilPoints = untilPoints
    self.stop = stop
  }

  enum CodingKeys: String, CodingKey {
    case stop
    case untilPoints = "until_points"
  }
}

/// Why a method was classified no further image in a race.
package enum RaceStop: Hashable, Sendable {
  /// The interval of its difference to the baseline is as narrow as asked.
  case narrow
  /// Another method, named with its `r` and what else differs from its defaults, is more accurate
  /// and nowhere slower.
  case offFront(behind: MethodSetting)
  /// Whether it is within the drop that was asked for is known.
  case decided
  /// There are no more images.
  case everyImage
  /// A batch failed.
  case failed
}

extension RaceStop: Codable {
  private enum CodingKeys: String, CodingKey { case kind, behind }
  private enum Kind: String, Codable {
    case narrow, decided, failed
    case offFront = "off_front"
    case everyImage = "every_image"
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    switch try values.decode(Kind.self, forKey: .kind) {
    case .narrow: self = .narrow
    case .decided: self = .decided
    case .failed: self = .failed
    case .everyImage: self = .everyImage
    case .offFront:
      self = .offFront(behind: try values.decode(MethodSetting.self, forKey: .behind))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .narrow: try values.encode(Kind.narrow, forKey: .kind)
    case .decided: try values.encode(Kind.decided, forKey: .kind)
    case .failed: try values.encode(Kind.failed, forKey: .kind)
    case .everyImage: try values.encode(Kind.everyImage, forKey: .kind)
    case .offFront(let method):
      try values.encode(Kind.offFront, forKey: .kind)
      try values.encode(method, forKey: .behind)
    }
  }
}

extension RaceStop {
  /// The name of the reason in tables for machines.
  package var name: String {
    switch self {
    case .narrow: "narrow"
    case .offFront: "off_front"
    case .decided: "decided"
    case .everyImage: "every_image"
    case .failed: "failed"
    }
  }
}
