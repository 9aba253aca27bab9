import Foundation
import Records
import Tensors
import Testing
import VisionModels
import _TestSupport

/// The recipes of the README's "Your own model and data", with small versions of their models.
@Suite struct `README recipes` {
  private let folder: Workplace

  init() throws { folder = try Workplace() }

  /// The JSON blocks of the section, in their order.
  private static func specs() throws -> [[String: JSONValue]] {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../README.md")
    let text = try String(contentsOf: url, encoding: .utf8)
    let section = try #require(
      text.components(separatedBy: "## Your own model and data").last?
        .components(separatedBy: "\n## ").first)
    return try section.components(separatedBy: "```json\n").dropFirst().map { block in
      let json = block.components(separatedBy: "```")[0]
      return try JSONDecoder().decode([String: JSONValue].self, from: Data(json.utf8))
    }
  }

  private func write(_ spec: [String: JSONValue], _ name: String) throws {
    try JSONEncoder().encode(spec).write(to: folder.url.appendingPathComponent(name))
  }

  private func pictures(_ root: String, _ classes: [String]) throws {
    let picture = try Data(contentsOf: Fixtures.url("pictures/rgb_300x300.png"))
    for name in classes {
      let place = folder.url.appendingPathComponent("\(root)/\(name)")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try picture.write(to: place.appendingPathComponent("1.png"))
    }
  }

  /// A server with timm's smallest model with random weights, under the name used by the recipe.
  private func server(_ repository: String) throws -> HubServer {
    let entry = try #require(ModelRegistry.entry(named: "test_vit"))
    let url = folder.url.appendingPathComponent("drawn.safetensors")
    try SafetensorsWriter.write(
      Dictionary(
        uniqueKeysWithValues: entry.architecture.tensors.map { tensor in
          let values = (0..<tensor.count).map { Float(($0 * 7919) % 1000) / 5000 - 0.1 }
          return (tensor.key, .init(shape: tensor.shape, floats: values))
        }), to: url)
    let config = """
      {"architecture": "test_vit", "num_classes": 1000, "pretrained_cfg": {"input_size": [3, 160, 160],
       "interpolation": "bicubic", "crop_pct": 0.95, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}
      """
    return try HubServer([
      repository: [
        "config.json": HubServer.File(config),
        "model.safetensors": HubServer.File(try Data(contentsOf: url)),
      ]
    ])
  }

  @Test func `the recipe for a published model on ImageNet works, also offline`() throws {
    var spec = try Self.specs()[0]
    let model = try #require(spec["model"]?.asString)
    #expect(model.hasPrefix("hf:"))
    let server = try server(String(model.dropFirst(3)))
    try pictures("imagenet", ["n01440764", "n01443537"])
    spec["dataset"] = .object(["imagenet": .string("imagenet")])
    spec["latency"] = .object(["min_seconds": .number(0.01), "min_samples": .integer(2)])
    try write(spec, "deit_s.json")
    let environment = [
      "HF_ENDPOINT": server.address, "HF_HOME": folder.url.appendingPathComponent("hf").path,
      "HF_TOKEN": "", "HF_HUB_OFFLINE": "", "HF_HUB_CACHE": "",
    ]
    func lab(_ arguments: String...) throws -> LabProcess.Result {
      try LabProcess(arguments, in: folder.url, environment: environment).finish()
    }
    let plan = try lab("run", "deit_s.json", "--dry-run")
    #expect(plan.exitCode == 0, "\(plan.error)")
    #expect(plan.output.contains("timm's config.json: test_vit, 1000 classes"))
    let pull = try lab("weights", "pull", model)
    #expect(pull.exitCode == 0, "\(pull.error)")
    let asked = server.requests.count
    let run = try lab("run", "deit_s.json", "--offline")
    #expect(run.exitCode == 0, "\(run.error)")
    #expect(server.requests.count == asked)
    #expect(folder.exists("Results/deit_s/report.md"))
  }

  @Test func `the recipe for a weights file works, fine-tuned or without a classifier`() throws {
    let entry = try #require(ModelRegistry.entry(named: "test_vit"))
    var sizes = try #require(entry.architecture as? ViTArchitecture)
    sizes.numClasses = 5
    func look(_ kept: (String) -> Bool) throws -> String {
      let tensors = sizes.tensors.filter { kept($0.key) }
      try SafetensorsWriter.write(
        Dictionary(
          uniqueKeysWithValues: tensors.map {
            (
              "model.\($0.key)",
              .init(shape: $0.shape, floats: .init(repeating: 0, count: $0.count))
            )
          }), to: folder.url.appendingPathComponent("best.safetensors"))
      return try LabProcess.run("weights", "inspect", "best.safetensors", in: folder.url).output
    }
    let tuned = try look { _ in true }
    #expect(
      tuned.contains(
        #"fits test_vit with "architecture": {"num_classes": 5}: the tensors under model"#),
      "\(tuned)")
    let backbone = try look { !$0.hasPrefix("head.") }
    #expect(backbone.contains("is the backbone of test_vit, without the classifier"), "\(backbone)")
    let other = try look { $0.hasPrefix("blocks.0.") }
    #expect(other.contains("fits none of the models of `lab models`"), "\(other)")
  }

  @Test func `the recipe for a fine-tuned model on own images works`() throws {
    var spec = try Self.specs()[1]
    guard case .object(var model)? = spec["model"], case .object(var sizes)? = model["architecture"]
    else {
      Issue.record("the recipe has no architecture")
      return
    }
    let file = try #require(model["weights"]?.asString)
    try Data(contentsOf: Fixtures.url("layouts/training.pth"))
      .write(to: folder.url.appendingPathComponent(file))
    for (key, value) in [
      "image_size": 32, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2,
    ] {
      sizes[key] = .integer(value)
    }
    model["architecture"] = .object(sizes)
    spec["model"] = .object(model)
    spec["latency"] = .boolean(false)
    spec["methods"] = .array([.object(["method": .string("none")])])
    try write(spec, "mine.json")
    try pictures("photos", ["a", "b", "c", "d", "e"])
    let look = try LabProcess.run("weights", "inspect", file, in: folder.url)
    #expect(look.output.contains("PyTorch, 65 tensors"), "\(look.output)")
    let plan = try LabProcess.run("run", "mine.json", "--dry-run", in: folder.url)
    let copies =
      "the tensors under model_ema; left another copy of the model, which \"checkpoint_key\": "
      + "\"model\" takes"
    #expect(plan.output.contains(copies), "\(plan.output)")
    #expect(plan.output.contains("weights: best.pth:model_ema ("))
    #expect(plan.output.contains("resize 32x32 bicubic"), "\(plan.output)")
    let run = try LabProcess.run("run", "mine.json", in: folder.url)
    #expect(run.exitCode == 0, "\(run.error)")
    #expect(try folder.recordLines("Results/mine").count == 1)
  }
}
