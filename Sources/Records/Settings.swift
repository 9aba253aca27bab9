/// The model of a trial, with nothing left to default.
package struct ModelSetting: Codable, Hashable, Sendable {
  /// The registry's name, for example `deit_small_patch16_224`, or `custom`.
  package var name: String
  /// The resolved sizes (`embed_dim`, `depth`, …) as the spec spells them.
  package var architecture: [String: JSONValue]
  /// `nil` in a latency trial: time does not depend on what the weights are.
  package var weights: WeightsSetting?
  /// Tokens that enter block 0, prefix included, when nothing is removed.
  package var tokens: Int
  /// Class, distillation and register tokens.
  package var prefixTokens: Int

  package init(
    name: String, architecture: [String: JSONValue], weights: WeightsSetting?, tokens: Int,
    prefixTokens: Int
  ) {
    self.name = name
    self.architecture = architecture
    self.weights = weights
    self.tokens = tokens
    self.prefixTokens = prefixTokens
  }

  enum CodingKeys: String, CodingKey {
    case name, architecture, weights, tokens
    case prefixTokens = "prefix_tokens"
  }
}

/// Which weights a model carries.
package struct WeightsSetting: Codable, Hashable, Sendable {
  /// The file's name for a person, `random`, or `demo`.
  package var name: String
  /// SHA-256 of the weight file, or `seed:N` for random weights.
  package var digest: String

  package init(name: String, digest: String) {
    self.name = name
    self.digest = digest
  }

  /// Whether they come from a file, and not from a seed.
  package var isTrained: Bool { !digest.hasPrefix("seed:") }
}

/// A token-reduction method with every parameter resolved (layers as block indices, R as a count).
package struct MethodSetting: Codable, Hashable, Sendable {
  /// The registry's name, for example `tail_effect`.
  package var name: String
  /// Every parameter by its spec key, for example `["r": 70, "layer": 3]`.
  package var parameters: [String: JSONValue]

  package init(name: String, parameters: [String: JSONValue]) {
    self.name = name
    self.parameters = parameters
  }
}

/// A data set as it was found on disk (or drawn), with its preprocessing.
package struct DatasetSetting: Codable, Hashable, Sendable {
  /// `demo`, or the folder's name for a person.
  package var name: String
  /// How the files lie, for example `class folders` or `flat with LOC_val_solution.csv`.
  package var layout: String
  /// SHA-256 over the file names, sizes and labels of the images taken, or over the drawing's
  /// parameters.
  package var fingerprint: String
  /// Images taken, after `limit`.
  package var images: Int
  package var classes: Int
  /// Resize, crop, interpolation, mean and deviation, in words that determine the pixels.
  package var preprocessing: String
  /// How the images were brought into random order, so that the first of them speak for all; `nil`
  /// in the data set's own order.
  ///
  /// Part of the key: results of a race that stops early never meet those of a whole data set.
  package var order: String?

  package init(
    name: String, layout: String, fingerprint: String, images: Int, classes: Int,
    preprocessing: String, order: String? = nil
  ) {
    self.order = order
    self.name = name
    self.layout = layout
    self.fingerprint = fingerprint
    self.images = images
    self.classes = classes
    self.preprocessing = preprocessing
  }
}

/// The device that a latency belongs to.
package struct DeviceSetting: Codable, Hashable, Sendable {
  /// As the spec spells it: `cpu`, `cuda:0`.
  package var name: String
  /// The processor's or the card's name.
  package var hardware: String
  /// Worker threads for a CPU, 0 for a GPU.
  package var threads: Int
  /// What multiplied the matrices of a CPU, for example `blas`; `nil` for our own kernels on packed
  /// weights, and for a GPU.
  package var engine: String?

  /// How latencies are predicted; `nil` where they are measured.
  package var simulated: SimulationSetting?

  package init(
    name: String, hardware: String, threads: Int, engine: String? = nil,
    simulated: SimulationSetting? = nil
  ) {
    self.name = name
    self.hardware = hardware
    self.threads = threads
    self.engine = engine
    self.simulated = simulated
  }
}

/// What determines the latencies of a simulated device, and how far they have been off.
package struct SimulationSetting: Codable, Hashable, Sendable {
  /// `eager` or `graph`.
  package var execution: String
  /// The precision that passes are predicted in.
  package var precision: String
  /// SHA-256 of the device's facts and fitted constants.
  package var digest: String
  /// Latencies that the fit did not see; `nil` where it was never checked.
  package var checkedPoints: Int?
  /// Of the error at those, in percent.
  package var medianErrorPercent: Double?
  package var worstErrorPercent: Double?

  package init(
    execution: String, precision: String, digest: String, checkedPoints: Int? = nil,
    medianErrorPercent: Double? = nil, worstErrorPercent: Double? = nil
  ) {
    self.execution = execution
    self.precision = precision
    self.digest = digest
    self.checkedPoints = checkedPoints
    self.medianErrorPercent = medianErrorPercent
    self.worstErrorPercent = worstErrorPercent
  }

  enum CodingKeys: String, CodingKey {
    case execution, precision, digest
    case checkedPoints = "checked_points"
    case medianErrorPercent = "median_error_percent"
    case worstErrorPercent = "worst_error_percent"
  }
}
