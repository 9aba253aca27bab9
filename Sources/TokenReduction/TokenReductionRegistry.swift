import Records

/// Every method that a spec can name.
package enum TokenReductionRegistry {
  package static let all: [any TokenReductionMethod.Type] = [
    NoReduction.self, ExplicitAttention.self, RandomRemoval.self, TopK.self, EViT.self, ToMe.self,
    TailEffect.self,
    DynamicViT.self, DiffRate.self, PiToMe.self, ToFu.self, PPT.self, ATS.self, DPCKNN.self,
    KMedoids.self, GTP.self, MCTF.self, ATC.self, DCT.self, ZeroTPrune.self,
    RepresentationShift.self, ToMeByImportance.self, ComposedMethod.self,
  ]

  /// Whether the method is a baseline, which reduces nothing.
  package static func isBaseline(_ name: String) -> Bool {
    name == NoReduction.name || name == ExplicitAttention.name
  }

  package static func method(named name: String) -> (any TokenReductionMethod.Type)? {
    all.first { $0.name == name }
  }

  /// Whether a tensor of a checkpoint belongs to a method that was trained with the model: a
  /// predictor of DynamicViT, a layer of DPC-KNN.
  package static func isMethodTensor(_ key: String) -> Bool {
    key.hasPrefix("score_predictor.") || key.hasPrefix("cluster_layers.")
  }

  /// Everything that is wrong with the parameters of a method for a model; empty when it can run.
  ///
  /// Keys that the method does not have are the caller's to report, who knows the nearest names of
  /// a spec.
  package static func problems(
    method: any TokenReductionMethod.Type, parameters: [String: JSONValue],
    geometry: TokenGeometry
  ) -> [ParameterProblem] {
    switch outcome(method, parameters, geometry) {
    case .success: []
    case .failure(let found): found.problems
    }
  }

  /// A method with every default filled in and every percentage turned into a block, and the
  /// composition that it means for a model.
  package struct Resolved {
    package let parameters: [String: JSONValue]
    package let composition: Composition
  }

  /// Everything that is wrong with a method's parameters; never empty.
  private struct Problems: Error { let problems: [ParameterProblem] }

  private static func outcome(
    _ method: any TokenReductionMethod.Type, _ parameters: [String: JSONValue],
    _ geometry: TokenGeometry
  ) -> Result<Resolved, Problems> {
    var problems: [ParameterProblem] = []
    var resolved: [String: JSONValue] = [:]
    let reading = Schedule.reading(method, parameters)
    for parameter in method.parameters {
      if reading == nil, parameter.isAlternative, let value = parameters[parameter.name] {
        problems.append(Schedule.unscheduled(parameter, value))
        continue
      }
      if let reading, reading.unread.contains(parameter.name) {
        guard let value = parameters[parameter.name] else { continue }
        problems.append(Schedule.unread(parameter.name, value, parameters))
        continue
      }
      guard
        let value = parameters[parameter.name] ?? parameter.defaultValue
          ?? reading?.standards[parameter.name]
      else {
        // Explicit counts stand for a method's own schedule.
        guard parameter.otherwise == nil, parameters[Schedule.tokens.name] == nil else { continue }
        problems.append(
          ParameterProblem(
            key: parameter.name, message: "is missing; it must be \(parameter.expectation)"))
        continue
      }
      do throws(ParameterProblem) {
        resolved[parameter.name] = try parameter.resolve(value, geometry)
      } catch {
        problems.append(error)
      }
    }
    if let problem = Schedule.contradiction(method, parameters) { problems.append(problem) }
    guard problems.isEmpty else { return .failure(Problems(problems: problems)) }
    do throws(ParameterProblem) {
      let composition = try method.composition(ParameterValues(values: resolved), geometry)
      return .success(Resolved(parameters: resolved, composition: composition))
    } catch {
      return .failure(Problems(problems: [error]))
    }
  }

  /// The method with every default filled in, and its composition for a model.
  ///
  /// - Throws: The first `ParameterProblem`.
  package static func resolved(
    _ method: any TokenReductionMethod.Type, parameters: [String: JSONValue],
    geometry: TokenGeometry
  ) throws(ParameterProblem) -> Resolved {
    switch outcome(method, parameters, geometry) {
    case .success(let resolved): return resolved
    case .failure(let found): throw found.problems[0]
    }
  }

  /// The method with every default filled in and every percentage turned into a block.
  ///
  /// Errors: the first `ParameterProblem`.
  package static func resolve(
    method: any TokenReductionMethod.Type, parameters: [String: JSONValue],
    geometry: TokenGeometry
  ) throws -> MethodSetting {
    MethodSetting(
      name: method.name,
      parameters: try resolved(method, parameters: parameters, geometry: geometry).parameters)
  }

  /// The composition that a resolved method means for a model.
  ///
  /// Errors: `TokenReductionError.unknownMethod`, or a `ParameterProblem`.
  package static func composition(for setting: MethodSetting, geometry: TokenGeometry) throws
    -> Composition
  {
    guard let method = method(named: setting.name) else {
      throw TokenReductionError.unknownMethod(name: setting.name, known: all.map { $0.name })
    }
    return try resolved(method, parameters: setting.parameters, geometry: geometry).composition
  }
}

/// What can go wrong when a method is looked up.
package enum TokenReductionError: Error, Hashable, CustomStringConvertible {
  case unknownMethod(name: String, known: [String])

  package var description: String {
    switch self {
    case .unknownMethod(let name, let known):
      "\(name) is not a token-reduction method; known are \(known.joined(separator: ", "))"
    }
  }
}
