/// One line of a records file: what was measured, the outcome, and where.
package struct Record: Codable, Hashable, Sendable {
  /// Version of the line's format; a reader refuses a higher one.
  package static let currentSchema = 1

  package var schema: Int
  /// The SHA-256 (hexadecimal) of everything that determines the number: the kind and the trial.
  package var key: String
  package var measurement: Measurement
  package var environment: Environment
  /// The traits that the trial's method declares; not part of the key.
  ///
  /// `nil` in records of earlier versions.
  package var traits: MethodTraits?

  /// A trial with its outcome; indirect, because records are copied by the thousand.
  package indirect enum Measurement: Hashable, Sendable {
    case accuracy(AccuracyTrial, AccuracyResult)
    case latency(LatencyTrial, LatencyResult)
    case failedAccuracy(AccuracyTrial, FailureResult)
    case failedLatency(LatencyTrial, FailureResult)

    /// The method that was measured.
    package var method: MethodSetting {
      switch self {
      case .accuracy(let trial, _), .failedAccuracy(let trial, _): trial.method
      case .latency(let trial, _), .failedLatency(let trial, _): trial.method
      }
    }
  }

  package init(
    schema: Int = Record.currentSchema, key: String, measurement: Measurement,
    environment: Environment, traits: MethodTraits? = nil
  ) {
    self.schema = schema
    self.key = key
    self.measurement = measurement
    self.environment = environment
    self.traits = traits
  }

  enum CodingKeys: String, CodingKey {
    case schema, key, kind, trial, result, failure, environment, traits
  }

  enum Kind: String, Codable { case accuracy, latency }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    schema = try container.decode(Int.self, forKey: .schema)
    key = try container.decode(String.self, forKey: .key)
    environment = try container.decode(Environment.self, forKey: .environment)
    traits = try container.decodeIfPresent(MethodTraits.self, forKey: .traits)
    let failure = try container.decodeIfPresent(FailureResult.self, forKey: .failure)
    // Written out: a closure that throws, as `??` takes one, was miscompiled in the optimized
    // build, and crashed.
    switch try container.decode(Kind.self, forKey: .kind) {
    case .accuracy:
      let trial = try container.decode(AccuracyTrial.self, forKey: .trial)
      if let failure {
        measurement = .failedAccuracy(trial, failure)
      } else {
        let result = try container.decode(AccuracyResult.self, forKey: .result)
        measurement = .accuracy(trial, result)
      }
    case .latency:
      let trial = try container.decode(LatencyTrial.self, forKey: .trial)
      if let failure {
        measurement = .failedLatency(trial, failure)
      } else {
        let result = try container.decode(LatencyResult.self, forKey: .result)
        measurement = .latency(trial, result)
      }
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(schema, forKey: .schema)
    try container.encode(key, forKey: .key)
    switch measurement {
    case .accuracy(let trial, let result):
      try container.encode(Kind.accuracy, forKey: .kind)
      try container.encode(trial, forKey: .trial)
      try container.encode(result, forKey: .result)
    case .latency(let trial, let result):
      try container.encode(Kind.latency, forKey: .kind)
      try container.encode(trial, forKey: .trial)
      try container.encode(result, forKey: .result)
    case .failedAccuracy(let trial, let failure):
      try container.encode(Kind.accuracy, forKey: .kind)
      try container.encode(trial, forKey: .trial)
      try container.encode(failure, forKey: .failure)
    case .failedLatency(let trial, let failure):
      try container.encode(Kind.latency, forKey: .kind)
      try container.encode(trial, forKey: .trial)
      try container.encode(failure, forKey: .failure)
    }
    try container.encode(environment, forKey: .environment)
    try container.encodeIfPresent(traits, forKey: .traits)
  }
}
