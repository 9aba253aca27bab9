/// How a row's accuracy was measured in a race: on the images of a data set in random order, batch
/// by batch, until it was known precisely enough.
package struct RaceStanding: Codable, Hashable, Sendable {
  /// The half-width, in percentage points of top-1, that the interval of the difference from the
  /// baseline should have; `nil` for a search within an accuracy drop.
  package var untilPoints: Double?
  /// Why no further image was classified; `nil` if the race has not ended.
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

/// Why a method stopped classifying images in a race.
package enum RaceStop: Hashable, Sendable {
  /// The interval of its difference from the baseline is as narrow as requested.
  case narrow
  /// Another method, named with its `r` and what else differs from its defaults, is more accurate
  /// and never slower.
  case offFront(behind: MethodSetting)
  /// It is known whether it is within the requested drop.
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
  /// The name of the reason in CSV tables.
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
