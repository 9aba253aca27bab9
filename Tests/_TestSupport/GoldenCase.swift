import Foundation
import Records
import Tensors
import TokenReduction
import VisionModels

/// One stored forward pass of a published implementation, and the same pass of ours.
///
/// Made from random weights by the implementations that each file's metadata names (repository, commit, versions).
package struct GoldenCase: CustomStringConvertible, Sendable {
  package let name: String
  package let file: SafetensorsFile
  package let architecture: ViTArchitecture
  package let method: MethodSetting

  package var description: String { name }
  package var model: String { String(name.prefix { $0 != "_" }) }

  /// Every stored case of the methods and models that the program has.
  package static let all: [GoldenCase] = Fixtures.names(in: "goldens/cases").compactMap {
    try? GoldenCase(name: $0)
  }

  package init(name: String) throws {
    self.name = name
    file = try SafetensorsFile(url: Fixtures.url("goldens/cases/\(name).safetensors"))
    architecture = try Self.architecture(try Self.json(file.metadata["config"]))
    let schedule = try file.metadata["schedule"].map { try Self.json($0) } ?? [:]
    method = try TokenReductionRegistry.resolve(
      method: try Self.method(file.metadata["method"] ?? ""),
      parameters: try Self.parameters(
        file.metadata["method"] ?? "", schedule, architecture, name: name),
      geometry: architecture.geometry)
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
    _ method: String, _ schedule: [String: JSONValue], _ a: ViTArchitecture, name: String
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
      // The published R keeps N - R - 2 patch tokens whatever the prefix; ours counts what remains in total.
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
    default: return [:]
    }
  }
}

/// What our pass over a golden case gave, copied out while it ran.
package struct GoldenRun {
  package var logits: [Float] = []
  package var features: [Float] = []
  /// By block.
  package var scores: [Int: [[Float]]] = [:]
  package var nodeMaximum: [Int: [Float]] = [:]
  package var sizes: [Int: [Float]] = [:]
  package var tokensBefore: [Int: [Float]] = [:]
  package var tokensAfter: [Int: [Float]] = [:]
  /// By block, image and output token: the tokens that it is made of.
  package var sources: [Int: [[[Int]]]] = [:]
  /// By block and image: tokens in no output, best first.
  package var dropped: [Int: [[Int]]] = [:]
  /// Image 0 before block 0 and after each block.
  package var stream: [Float] = []
  /// The logits of a pass that nothing watched, as a measurement runs it.
  package var unwatchedLogits: [Float] = []

  package init(_ golden: GoldenCase, backend: any Backend, batchSize: Int? = nil) throws {
    let images = try SafetensorsFile(url: Fixtures.url("goldens/images.safetensors"))
    let pixels = try images.floats(golden.file.metadata["input"] ?? "images")
    let count = batchSize ?? golden.file.entries["logits"]?.shape[0] ?? 1
    let weights = golden.file.metadata["weights"] ?? ""
    let model = try VisionTransformer(
      architecture: golden.architecture,
      weights: .file(Fixtures.url("goldens/\(weights)")), backend: backend)
    let pass = try ForwardPass(
      model: model,
      composition: try TokenReductionRegistry.composition(
        for: golden.method, geometry: golden.architecture.geometry),
      batchSize: count)
    _ = pass.input.update(from: pixels[..<pass.input.count])
    var run = self
    pass.run()
    try backend.check()
    run.unwatchedLogits = Array(pass.logits)
    pass.onBlock = { _, stream in
      run.stream += backend.values(stream.view(Shape(1, stream.shape[1], stream.shape[2])))
    }
    pass.onReduction = { event in run.take(event, backend) }
    pass.run()
    try backend.check()
    run.logits = Array(pass.logits)
    run.features = pass.readFeatures()
    self = run
  }

  private mutating func take(_ event: ReductionEvent, _ backend: any Backend) {
    func floats(_ tensor: Tensor) -> [Float] { backend.values(tensor) }
    let allOffsets = backend.indices(event.assignment.offsets)
    let allSources = backend.indices(event.assignment.sources)
    let block = event.step.block
    let (n, out) = (event.assignment.tokensIn, event.assignment.tokensOut)
    scores[block] = event.scores.map { scores in
      (0..<scores.shape[0]).map { Array(floats(scores)[($0 * n)..<(($0 + 1) * n)]) }
    }
    nodeMaximum[block] = event.nodeMaximum.map(floats)
    sizes[block] = event.sizes.map(floats)
    tokensBefore[block] = floats(event.before)
    tokensAfter[block] = floats(event.after)
    sources[block] = []
    dropped[block] = []
    for image in 0..<event.assignment.batchSize {
      let offsets = Array(allOffsets[(image * (out + 1))..<((image + 1) * (out + 1))])
      let list = Array(allSources[(image * n)..<((image + 1) * n)])
      sources[block]?.append(
        (0..<out).map { token in
          (offsets[token]..<offsets[token + 1]).map { list[$0] }
        })
      dropped[block]?.append((offsets[out]..<n).map { list[$0] })
    }
  }
}
