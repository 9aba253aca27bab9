import Foundation
import Records
import Tensors
import TokenReduction
import VisionModels

/// One stored forward pass of a published implementation, and the settings for the same pass in
/// lab.
///
/// Made from random weights by the implementations that each file's metadata names (repository,
/// commit, versions).
package struct GoldenCase: CustomStringConvertible, Sendable {
  package let name: String
  /// The folder of all cases, weights and images.
  package let folder: URL
  package let file: SafetensorsFile
  package let architecture: ViTArchitecture
  package let method: MethodSetting

  package var description: String { name }
  package var model: String { String(name.prefix { $0 != "_" }) }

  /// Every stored case in a folder, by name.
  ///
  /// - Throws: Of a folder that cannot be read, `GoldensError`; of a case that makes no sense,
  ///   those of its reader.
  package static func all(in folder: URL) throws -> [GoldenCase] {
    let cases = folder.appendingPathComponent("cases").path
    guard let files = try? FileManager.default.contentsOfDirectory(atPath: cases) else {
      throw GoldensError.noCases(folder: cases)
    }
    let names = files.filter { $0.hasSuffix(".safetensors") }.sorted()
    guard !names.isEmpty else { throw GoldensError.noCases(folder: cases) }
    return try names.map { try GoldenCase(name: String($0.dropLast(12)), folder: folder) }
  }

  package init(name: String, folder: URL) throws {
    self.name = name
    self.folder = folder
    file = try SafetensorsFile(url: folder.appendingPathComponent("cases/\(name).safetensors"))
    architecture = try Self.architecture(try Self.json(file.metadata["config"]))
    let schedule = try file.metadata["schedule"].map { try Self.json($0) } ?? [:]
    method = try TokenReductionRegistry.resolve(
      method: try Self.method(file.metadata["method"] ?? ""),
      parameters: try Self.parameters(
        file.metadata["method"] ?? "", schedule,
        counts: try Self.counts(file.metadata["token_counts"]), architecture,
        name: name),
      geometry: architecture.info.tokens)
  }

  /// Whether the file says which tokens each image keeps, in a form that a comparison reads.
  ///
  /// At low precision near ties fall otherwise, and only of such a case is known in which images.
  package var recordsKeptTokens: Bool {
    switch method.name {
    case NoReduction.name, "dct": true
    case "tome": file.entries.keys.contains { $0.hasPrefix("src_idx.") }
    default: file.entries.keys.contains { $0.hasPrefix("kept.") }
    }
  }

  /// Counts by block; those of a method that reduces once are a list, which says nothing that its
  /// schedule does not.
  private static func counts(_ text: String?) throws -> [String: JSONValue] {
    guard let text else { return [:] }
    let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    guard case .object(let members) = value else { return [:] }
    return members
  }

  private static func json(_ text: String?) throws -> [String: JSONValue] {
    try JSONDecoder().decode([String: JSONValue].self, from: Data((text ?? "{}").utf8))
  }

  private static func architecture(_ config: [String: JSONValue]) throws -> ViTArchitecture {
    func integer(_ key: String) -> Int { config[key]?.asInt ?? 0 }
    let gated = config["mlp"]?.asString == "swiglu_packed"
    return ViTArchitecture(
      imageSize: integer("img_size"), patchSize: integer("patch_size"),
      embedDim: integer("embed_dim"), depth: integer("depth"), numHeads: integer("num_heads"),
      // timm packs both halves of the gate into its ratio.
      hiddenDim: gated
        ? Int(Double(integer("embed_dim")) * (config["mlp_ratio"]?.asDouble ?? 0)) / 2 : nil,
      mlp: gated ? .swiglu : .gelu, distilled: config["arch"]?.asString == "deit_distilled",
      registers: integer("reg_tokens"), layerScale: config["layer_scale"] == .boolean(true),
      numClasses: integer("num_classes"))
  }

  private static func method(_ name: String) throws -> any TokenReductionMethod.Type {
    let own = name.hasPrefix("pomt") ? "tail_effect" : name
    guard let method = TokenReductionRegistry.method(named: own) else {
      throw TokenReductionError.unknownMethod(name: own, known: [])
    }
    return method
  }

  private static func parameters(
    _ method: String, _ schedule: [String: JSONValue], counts: [String: JSONValue],
    _ a: ViTArchitecture, name: String
  ) throws -> [String: JSONValue] {
    switch method {
    case "topk": return ["r": .integer(3)]
    case "evit":
      return [
        "keep_rate": schedule["keep_rate"] ?? .null, "layers": schedule["layers"] ?? .null,
        "fused_token": schedule["fuse_token"] ?? .null,
      ]
    case "tome":
      var parameters = ["proportional_attention": schedule["prop_attn"] ?? .null]
      if case .array(let pair)? = schedule["r"] {
        parameters["r"] = pair[0]
        parameters["inflection"] = pair[1]
      } else {
        parameters["r"] = schedule["r"]
      }
      return parameters
    case _ where method.hasPrefix("pomt"):
      let variant = schedule["variant"]?.asString ?? ""
      // The published R keeps N - R - 2 patch tokens whatever the prefix; ours counts what remains
      // in total.
      let r = (schedule["R"]?.asInt ?? 0) - a.prefixTokens + 1 + (variant == "nofuse" ? 1 : 0)
      var parameters: [String: JSONValue] = [
        "r": .integer(r), "layer": schedule["layer"] ?? .null,
        "normalization": .string(name.hasSuffix("per_image") ? "image" : "batch"),
      ]
      switch variant {
      case "mean", "sum":
        parameters["attention_heads"] = .string(variant)
        parameters["feature_heads"] = .string(variant)
      case "mean_attn_only": parameters["attention_heads"] = .string("mean")
      case "mean_v_only": parameters["feature_heads"] = .string("mean")
      case "q", "k": parameters["feature"] = .string(variant)
      case "noV": parameters["feature"] = .string("none")
      case "noA": parameters["attention"] = .boolean(false)
      case "nofuse": parameters["fused_token"] = .boolean(false)
      default: break
      }
      return parameters
    default: return try furtherParameters(method, schedule, counts: counts)
    }
  }
}

extension GoldenCase {
  /// Settings of the methods that came later, whose files hold their counts.
  private static func furtherParameters(
    _ method: String, _ schedule: [String: JSONValue], counts: [String: JSONValue]
  ) throws -> [String: JSONValue] {
    func given(_ keys: [String: String]) -> [String: JSONValue] {
      keys.compactMapValues { schedule[$0] }
    }
    let tokens = ["tokens": counts["after"] ?? .null]
    switch method {
    case "dynamicvit":
      guard case .array(let rates)? = schedule["token_ratio"], let first = rates.first else {
        return [:]
      }
      return ["keep_rate": first, "layers": schedule["pruning_loc"] ?? .null]
    case "ats": return given(["layers": "reduction_loc", "samples": "sample_count"])
    case "dpcknn":
      return tokens.merging([
        "nearest": schedule["k"] ?? .null,
        "learned_weights": .boolean(schedule["equal_weight"] == .boolean(false)),
      ]) { $1 }
    case "kmedoids": return tokens.merging(given(["rounds": "iters"])) { $1 }
    case "diffrate":
      return given(["prune": "prune", "tokens": "merge"])
    case "pitome":
      let alternates = schedule["alternate_over_all_first_half"] == .boolean(true)
      guard case .array(let margins)? = schedule["margins"] else { return [:] }
      return given(["keep_rate": "ratio"]).merging([
        "margin": margins[0], "first_half": .string(alternates ? "alternate" : "energy"),
      ]) { $1 }
    case "tofu", "dct": return given(["keep_rate": "ratio"])
    case "ppt": return given(["r": "r", "layers": "layers", "tau": "tau"])
    case "gtp":
      return given([
        "r": "P", "sparsity": "theta", "propagation": "alpha", "neighbors": "neighbours",
      ]).merging(["graph": .string(schedule["graph"]?.asString?.lowercased() ?? "")]) { $1 }
    case "mctf":
      return given(["r": "r", "layers": "layers"]).merging([
        "pool": .string(schedule["pooling_type"] == .integer(1) ? "attention_size" : "size")
      ]) { $1 }
    case "atc": return given(["layers": "layers", "keep_rate": "ratio", "linkage": "linkage"])
    default: return [:]
    }
  }
}
