import Foundation
import Records
import Tensors
import TokenReduction

/// The sizes of a model of one family, as a value that a registry, a spec or a record can store.
///
/// A family is one file, with this value and the keys that a spec may set, the tensors of a
/// checkpoint, the model that uses them, and its entries; and one line in `ModelRegistry.families`.
package protocol ModelArchitecture: Codable, Hashable, Sendable {
  /// The name of the family in a spec.
  static var family: String { get }
  /// Every named model of the family.
  static var entries: [ModelEntry] { get }
  /// The sizes that a spec may set, by their coding keys.
  static var parameters: [MethodParameter] { get }
  /// How other projects name the same tensors; timm's names are always supported.
  static var layouts: [any CheckpointLayout] { get }

  /// Values of `model_type` in Hugging Face's `config.json` that mean this family.
  static var huggingFaceTypes: [String] { get }
  /// The sizes of such a configuration.
  static func huggingFace(
    _ given: HuggingFaceSizes
  ) throws(ConfigurationError) -> any ModelArchitecture

  /// Pixels of a side.
  var imageSize: Int { get }
  var numClasses: Int { get }
  /// Whether the first token is a class token, whose attention a method may read.
  var hasClassToken: Bool { get }
  /// Whether the classifier reads the patch tokens, all alike.
  var poolsPatches: Bool { get }
  /// Tokens that a method can reduce; `nil` where there are none.
  var geometry: TokenGeometry? { get }
  /// The token sequences by stage, for display.
  var stages: [TokenStage] { get }
  /// Every tensor of the model, by timm's names.
  var tensors: [WeightSpecification] { get }
  /// Everything that makes these sizes impossible, as (key, sentence); empty if the model can be
  /// built.
  func problems() -> [(key: String, message: String)]
  /// The sizes in a spec's members; `nil` if a key is missing or has another type.
  static func decode(_ members: [String: JSONValue]) -> (any ModelArchitecture)?
  /// The model with the loader's weights on its device.
  func makeModel(_ loader: WeightLoader) throws -> any VisionModel
}

extension ModelArchitecture {
  package static var parameters: [MethodParameter] { [] }
  package static var layouts: [any CheckpointLayout] { [] }
  package static var huggingFaceTypes: [String] { [] }
  package static func huggingFace(
    _ given: HuggingFaceSizes
  ) throws(ConfigurationError) -> any ModelArchitecture {
    throw given.reader.wrong("\(family) is not read from Hugging Face's configurations")
  }
  package var hasClassToken: Bool { true }
  package var poolsPatches: Bool { false }
  package var geometry: TokenGeometry? { nil }
  package var stages: [TokenStage] { [] }
  package func problems() -> [(key: String, message: String)] { [] }

  /// What a program needs to know of a model without its weights.
  package var info: ModelInfo {
    ModelInfo(
      family: Self.family, imageSize: imageSize, classes: numClasses,
      parameters: tensors.reduce(0) { $0 + ($1.isTrained ? $1.count : 0) }, geometry: geometry,
      stages: stages)
  }

  /// The sizes by their keys in a spec, with the name of the family unless it is the plain ViT.
  package var members: [String: JSONValue] {
    guard let data = try? JSONEncoder().encode(self),
      var members = try? JSONDecoder().decode([String: JSONValue].self, from: data)
    else { return [:] }
    if Self.family != ModelRegistry.defaultFamily { members["family"] = .string(Self.family) }
    return members
  }

  package static func decode(_ members: [String: JSONValue]) -> (any ModelArchitecture)? {
    guard let data = try? JSONEncoder().encode(members) else { return nil }
    return try? JSONDecoder().decode(Self.self, from: data)
  }

  /// Loads the weights, or initializes them randomly.
  ///
  /// - Throws: `TensorsError`, `VisionModelsError.weightsDoNotFit` for a file of another model, or
  ///   `.modelTooLarge`.
  package func load(
    name: String = "this model", weights: WeightSource, backend: any Backend
  ) throws -> any VisionModel {
    let memory = Int(ProcessInfo.processInfo.physicalMemory)
    guard backend.isDryRun || info.parameters <= memory / 4 else {
      throw VisionModelsError.modelTooLarge(
        model: name, bytes: 4 * info.parameters, memoryBytes: memory)
    }
    let expected = tensors
    let reader: any WeightReader =
      switch weights {
      case .random(let seed): RandomWeights(seed: seed)
      case .shapes: ShapeWeights()
      case .files(let urls, let checkpointKey):
        try FileWeights(
          CheckpointFiles(urls), checkpointKey: checkpointKey, model: name, expected,
          layouts: Self.layouts)
      }
    let loader = WeightLoader(reader: reader, backend: backend, expected: expected)
    let model = try backend.withArena(bytes: WeightLoader.bytes(expected, backend)) {
      try makeModel(loader)
    }
    try backend.check()
    return model
  }
}

/// What a program needs to know of a model without its weights.
package struct ModelInfo: Hashable, Sendable {
  package let family: String
  /// Pixels of a side.
  package let imageSize: Int
  package let classes: Int
  /// Trained numbers.
  package let parameters: Int
  /// Tokens that a method can reduce; `nil` where there are none.
  package let geometry: TokenGeometry?
  package let stages: [TokenStage]

  /// The tokens that a method can reduce: no tokens and no blocks if there are none.
  package var tokens: TokenGeometry { geometry ?? .none }
}

/// A sequence of tokens that some blocks of a model process.
package struct TokenStage: Hashable, Sendable {
  /// Prefix tokens included.
  package let tokens: Int
  package let prefixTokens: Int
  package let blocks: Int
  package let width: Int
  package let heads: Int
  /// Rows and columns of the patches.
  package let grid: Int
  /// Whether a method may reduce the tokens; if not, the reason, for `lab models`.
  package let whyNotReducible: String?

  package init(
    tokens: Int, prefixTokens: Int = 0, blocks: Int, width: Int, heads: Int, grid: Int,
    whyNotReducible: String? = nil
  ) {
    self.tokens = tokens
    self.prefixTokens = prefixTokens
    self.blocks = blocks
    self.width = width
    self.heads = heads
    self.grid = grid
    self.whyNotReducible = whyNotReducible
  }
}
