import Datasets
import Records
import SimulatedDevices
import Tensors
import TokenReduction
import VisionModels

/// A checked spec, with every list expanded into its values.
package struct Spec: Sendable {
  package var source: SpecSource
  package var name: String
  package var models: [ModelChoice]
  package var datasets: [DatasetChoice]
  package var devices: [DeviceChoice]
  package var batchSizes: [Int]
  package var methods: [MethodChoice]
  /// The percentage points of top-1 within which each method's fastest setting is searched for;
  /// `nil` for no search.
  package var matchedDrop: Double?
  /// Whether random removal at the same token counts is measured for each method.
  package var control = false
  package var accuracy: AccuracyChoice
  /// `nil` if latency is not measured.
  package var latency: TimingSetting?
  package var grid: GridChoice
  package var seed: Int
  package var skipsBadImages: Bool
  package var precisions: [String]
  /// `nil` for every core.
  package var threads: [Int?]
  /// The GEMM engine on a CPU: `auto`, `packed`, `blas`.
  package var engines: [String]
  /// GELU on a cuda device: `exact`, `tanh`.
  package var gelus: [String] = ["exact"]
  /// Maps a model to the model that it is compared with; `*` means all others.
  package var baselines: [String: String] = [:]
  /// Published numbers as written, checked; `nil` if there are none.
  package var published: JSONValue?
}

/// A device of a spec.
package enum DeviceChoice: Hashable, Sendable {
  /// A device of this machine: `cpu`, `cuda:1`.
  case here(String)
  /// A device of another machine, by a part of its hardware name; its timings are in the results
  /// folder.
  case recorded(String)
  /// A simulated device, whose latencies are predicted.
  case simulated(SimulatedChoice)
}

/// A simulated device of a spec.
package struct SimulatedChoice: Hashable, Sendable {
  /// A name, or the path of a device file as the spec wrote it.
  package var device: String
  package var execution: Execution
  /// `nil` for the device's own.
  package var precision: Precision?
}

/// A model with its weights.
package struct ModelChoice: Sendable {
  package enum Weights: Hashable, Sendable {
    case random
    /// The weights included in the program.
    case demo
    /// Paths as the spec wrote them: one file, or a backbone and its classifier.
    case files([String])

    var isFiles: Bool { if case .files = self { true } else { false } }
  }

  /// Where in the spec, for messages.
  package let path: String
  package let entry: ModelEntry
  package let weights: Weights
  /// The entry of a training checkpoint that contains the weights, if the spec names one.
  package var checkpointKey: String?
  /// Remarks from the model's configuration, one clause each.
  package var notes: [String] = []

  package var name: String { entry.name }
  /// The prefix of the name of a registered model whose sizes a spec changes.
  static let customPrefix = "custom "
  /// Whether predictions are meaningful.
  package var isTrained: Bool { weights != .random }
}

/// A data set of a spec.
package struct DatasetChoice: Hashable, Sendable {
  package let path: String
  let kind: any DatasetKind
  package let limit: Int?
  /// The manifest that `lab dataset check` wrote.
  package var manifest: String?
  /// The classes that may be predicted.
  package var validClasses = ScoredDataset.ValidClasses.all
  /// A file of several right labels for each of ImageNet's pictures, as the spec wrote it.
  package var reassessedLabels: String?

  /// The folder or archive of its pictures as the spec wrote it; `nil` where there is none.
  package var folder: String? { kind.folder }

  /// Everything that determines its pictures and labels.
  struct Content: Hashable {
    let kind: AnyHashable
    let limit: Int?
    let validClasses: ScoredDataset.ValidClasses
    let reassessedLabels: String?
  }

  var content: Content {
    Content(
      kind: AnyHashable(kind), limit: limit, validClasses: validClasses,
      reassessedLabels: reassessedLabels)
  }

  package static func == (left: DatasetChoice, right: DatasetChoice) -> Bool {
    left.path == right.path && left.manifest == right.manifest && left.content == right.content
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(path)
    hasher.combine(content)
  }
}

/// One combination of one entry of `methods`: its values as written, one for each key.
package struct MethodChoice: Sendable {
  package let path: String
  package let method: any TokenReductionMethod.Type
  package let parameters: [String: JSONValue]
  /// How `r` is chosen, if it is not given.
  package let search: RSearch?
  /// The layers that a search tries, as written; empty if `layer` is an ordinary parameter.
  package let layers: [JSONValue]

  package init(
    path: String, method: any TokenReductionMethod.Type, parameters: [String: JSONValue],
    search: RSearch? = nil, layers: [JSONValue] = []
  ) {
    self.path = path
    self.method = method
    self.parameters = parameters
    self.search = search
    self.layers = layers
  }
}

/// A way to choose `r` from measurements, for each model, device, precision and batch size.
package enum RSearch: Hashable, Sendable {
  /// The highest utility of the grids, with this weight of latency.
  case utility(alpha: Double)
  /// The most accurate setting within a latency per batch.
  case withinLatency(milliseconds: Double)
  /// The fastest setting within a loss of top-1, in points.
  case withinDrop(points: Double)
  /// As fast as the rows of another method of the spec.
  case asFastAs(method: String)

  /// Whether it also depends on accuracy.
  var needsAccuracy: Bool { if case .asFastAs = self { false } else { true } }

  /// The choice in the words of the spec: `alpha=0.5`.
  var specText: String {
    switch self {
    case .utility(let alpha): "\(SpecRules.alpha.key)=\(JSONValue.number(alpha).shortText)"
    case .withinLatency(let limit):
      "\(SpecRules.targetLatency.key)=\(JSONValue.number(limit).shortText)"
    case .withinDrop(let points):
      "\(SpecRules.targetAccuracyDrop.key)=\(JSONValue.number(points).shortText)"
    case .asFastAs(let method): "\(SpecRules.matchLatency.key)=\(method)"
    }
  }
}

/// Whether and how accuracy is measured.
package struct AccuracyChoice: Hashable, Sendable {
  package enum Mode: Hashable, Sendable {
    case no
    /// For models with trained weights.
    case whereTrained
    case yes
  }

  package var mode: Mode
  /// `nil` for all images.
  package var images: Int?
  package var batchSize: Int
  /// The half-width, in percentage points, of the interval of the difference at which a method
  /// stops; `nil` classifies every image.
  package var until: Double?
}

/// Token counts and effort of the tail-effect search's grids.
package struct GridChoice: Hashable, Sendable {
  package var stride: Int
  /// `nil` for a quarter of the tokens.
  package var start: Int?
  /// `nil` for all tokens.
  package var stop: Int?
  package var images: Int
  package var timing: TimingSetting

  /// The token counts for a model, descending from `stop`, prefix included.
  ///
  /// At least one patch token is kept, whatever `start` is.
  package func tokenCounts(_ geometry: TokenGeometry) -> [Int] {
    let highest = min(stop ?? geometry.tokens, geometry.tokens)
    let lowest = max(start ?? (geometry.tokens + 3) / 4, geometry.prefixTokens + 1)
    guard lowest <= highest else { return [] }
    return Array(Swift.stride(from: highest, through: lowest, by: -stride))
  }
}
