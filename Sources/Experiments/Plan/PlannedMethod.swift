import Records
import TokenReduction
import VisionModels

/// A method of the plan for one model: resolved, composed and costed once.
package final class PlannedMethod {
  package let setting: MethodSetting
  package let composition: Composition
  /// The block at which its schedule requests more tokens than can be removed.
  package let cut: ScheduleCut?
  private let architecture: any ModelArchitecture
  /// The MACs of one image, from a dry run.
  package private(set) lazy var macs = DryRun.macs(architecture, composition)

  fileprivate init(
    _ setting: MethodSetting, _ composition: Composition, _ architecture: any ModelArchitecture
  ) {
    self.setting = setting
    self.composition = composition
    cut = ScheduleCut(
      setting, tokens: composition.geometry.tokens,
      tokensAfterBlocks: composition.tokensAfterBlocks)
    self.architecture = architecture
  }
}

extension PlannedMethod {
  /// Whether it is the baseline that other methods are compared with.
  var isBaseline: Bool { setting.name == NoReduction.name }
}

extension PlannedMethod: Hashable {
  /// Methods of one model are equal if their settings are equal.
  package static func == (a: PlannedMethod, b: PlannedMethod) -> Bool {
    a === b || a.setting == b.setting
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(setting) }
}

/// The methods of one model, each created on first use.
final class PlannedMethods {
  private let entry: ModelEntry
  /// By the requested parameters, with or without defaults, and by the resolved setting.
  private var known: [MethodSetting: PlannedMethod] = [:]

  init(_ entry: ModelEntry) { self.entry = entry }

  /// A method with every default filled in and every percentage turned into a block.
  ///
  /// - Throws: A `ParameterProblem`, or `VisionModelsError.noTokens`.
  func method(
    _ type: any TokenReductionMethod.Type, _ parameters: [String: JSONValue]
  ) throws -> PlannedMethod {
    let asked = MethodSetting(name: type.name, parameters: parameters)
    if let found = known[asked] { return found }
    let resolved = try entry.resolved(type, parameters)
    let setting = MethodSetting(
      name: type.name, parameters: resolved.parameters.mapValues(\.canonical))
    let method =
      known[setting] ?? PlannedMethod(setting, resolved.composition, entry.architecture)
    known[asked] = method
    known[setting] = method
    return method
  }
}

extension PlannedModel {
  /// The method of a combination of the spec, with `r` if a search has chosen it.
  ///
  /// - Throws: A `ParameterProblem`, or `VisionModelsError.noTokens`.
  func method(_ choice: MethodChoice, r: Int? = nil) throws -> PlannedMethod {
    var parameters = choice.parameters
    if let r { parameters["r"] = .integer(r) }
    return try methods.method(choice.method, parameters)
  }

  /// Random removal at a method's token counts; `nil` where it removes none, or at random.
  func control(of method: PlannedMethod, _ seed: Int) throws -> PlannedMethod? {
    try RandomRemoval.control(of: method.composition, seed: seed).map {
      try methods.method(RandomRemoval.self, $0)
    }
  }

  /// The baseline with attention maps in memory.
  func explicitAttention() throws -> PlannedMethod {
    try methods.method(ExplicitAttention.self, [:])
  }

  /// The baseline.
  func unreduced() throws -> PlannedMethod { try methods.method(NoReduction.self, [:]) }
}
