import Records

/// Every method that a spec can name.
package enum TokenReductionRegistry {
  package static let all: [any TokenReductionMethod.Type] = [
    NoReduction.self, RandomRemoval.self, TopK.self, EViT.self, ToMe.self, TailEffect.self,
    ComposedMethod.self,
  ]

  package static func method(named name: String) -> (any TokenReductionMethod.Type)? {
    all.first { $0.name == name }
  }

  /// Everything that is wrong with the parameters of a method for a model; empty when it can run.
  ///
  /// Keys that the method does not have are the caller's to report, who knows the nearest names of
  /// a spec.
  package static func problems(
    method: any TokenReductionMethod.Type, parameters: [String: JSONValue],
    geometry: TokenGeometry
  ) -> [ParameterProblem] {
    var problems: [ParameterProblem] = []
    var resolved: [String: JSONValue] = [:]
    for parameter in method.parameters {
      guard let value = parameters[parameter.name] ?? parameter.defaultValue else {
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
    guard problems.isEmpty else { return problems }
    do throws(ParameterProblem) {
      _ = try method.composition(ParameterValues(values: resolved), geometry)
    } catch {
      problems.append(error)
    }
    return problems
  }

  /// The method with every default filled in and every percentage turned into a block.
  ///
  /// Errors: the first `ParameterProblem`.
  package static func resolve(
    method: any TokenReductionMethod.Type, parameters: [String: JSONValue],
    geometry: TokenGeometry
  ) throws -> MethodSetting {
    if let problem = problems(method: method, parameters: parameters, geometry: geometry).first {
      throw problem
    }
    var resolved: [String: JSONValue] = [:]
    for parameter in method.parameters {
      guard let value = parameters[parameter.name] ?? parameter.defaultValue else { continue }
      resolved[parameter.name] = try parameter.resolve(value, geometry)
    }
    return MethodSetting(name: method.name, parameters: resolved)
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
    let resolved = try resolve(
      method: method, parameters: setting.parameters, geometry: geometry)
    return try method.composition(ParameterValues(values: resolved.parameters), geometry)
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
