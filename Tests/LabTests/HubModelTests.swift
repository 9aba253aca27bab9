import Foundation
import Testing
import _TestSupport

/// Models of a local Hub, used from the command line.
@Suite struct `Hub models` {
  private let folder: Workplace
  private static let config = """
    {"architectures": ["ViTForImageClassification"], "hidden_act": "gelu", "hidden_size": 16,
     "id2label": {"0": "a", "1": "b", "2": "c", "3": "d", "4": "e"}, "image_size": 32,
     "intermediate_size": 64, "layer_norm_eps": 1e-06, "model_type": "vit",
     "num_attention_heads": 2, "num_channels": 3, "num_hidden_layers": 2, "patch_size": 8}
    """
  private static let images = """
    {"do_normalize": true, "do_resize": true, "do_center_crop": true, "image_mean": [0.5, 0.5, 0.5],
     "image_std": [0.5, 0.5, 0.5], "resample": 3, "size": {"shortest_edge": 36},
     "crop_size": {"height": 32, "width": 32}}
    """

  init() throws {
    folder = try Workplace()
    let picture = try Data(contentsOf: Fixtures.url("pictures/rgb_300x300.png"))
    for name in ["a", "b", "c", "d", "e"] {
      let place = folder.url.appendingPathComponent("photos/\(name)")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try picture.write(to: place.appendingPathComponent("1.png"))
    }
    try folder.write(
      """
      {"model": "hf:me/tiny", "dataset": {"folder": "photos"}, "latency": false,
       "methods": [{"method": "none"}, {"method": "tome", "r": 2}]}
      """, to: "tiny.json")
  }

  private static func weights() throws -> Data {
    try Data(contentsOf: Fixtures.url("layouts/hf_vit.safetensors"))
  }

  private func server(_ change: HubServer.Change? = nil) throws -> HubServer {
    try HubServer(
      [
        "me/tiny": [
          "config.json": HubServer.File(Self.config),
          "preprocessor_config.json": HubServer.File(Self.images),
          "model.safetensors": HubServer.File(try Self.weights()),
        ]
      ], change: change)
  }

  private func start(_ server: HubServer, _ arguments: String...) throws -> LabProcess {
    try LabProcess(
      arguments, in: folder.url,
      environment: [
        "HF_ENDPOINT": server.address, "HF_HOME": folder.url.appendingPathComponent("hf").path,
        "HF_TOKEN": "", "HF_HUB_OFFLINE": "", "HF_HUB_CACHE": "",
      ])
  }

  @Test func `a pipe or a device instead of a configuration is reported`() throws {
    for (name, words) in [("pipe", "is a pipe"), ("zero", "is a device")] {
      let place = folder.url.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      let config = place.appendingPathComponent("config.json").path
      #expect((name == "pipe" ? mkfifo(config, 0o600) : symlink("/dev/zero", config)) == 0)
      try folder.write(
        #"{"model": "./\#(name)", "dataset": {"folder": "photos"}, "methods": [{"method": "none"}]}"#,
        to: "\(name).json")
      let result = try LabProcess(["run", "\(name).json", "--dry-run"], in: folder.url).finish()
      #expect(result.exitCode == 2)
      #expect(result.error.contains("\(words); only regular files are read"), "\(result.error)")
    }
  }

  @Test func `a run downloads its model once and reports it`() throws {
    let server = try server()
    let plan = try start(server, "run", "tiny.json", "--dry-run").finish()
    #expect(plan.exitCode == 0, "\(plan.error)")
    #expect(plan.output.contains("Hugging Face's config.json: vit, 5 classes"))
    #expect(
      plan.output.contains(
        "not here yet: a run downloads me/tiny/model.safetensors (0.0 MB) from \(server.address)"))
    #expect(
      plan.output.contains("resize 36 (shorter side) bicubic antialiased, center crop 32"),
      "\(plan.output)")
    #expect(!server.requests.contains { $0.path.hasPrefix("/storage") })

    let run = try start(server, "run", "tiny.json").finish()
    #expect(run.exitCode == 0, "\(run.error)")
    #expect(run.error.contains("downloading me/tiny/model.safetensors (44.4 kB) from"))
    #expect(try folder.recordLines("Results/tiny").count == 2)

    let asked = server.requests.count
    let again = try start(server, "run", "tiny.json", "--offline").finish()
    #expect(again.exitCode == 0, "\(again.error)")
    #expect(!again.error.contains("downloading"))
    #expect(try folder.recordLines("Results/tiny").count == 2)
    #expect(server.requests.count == asked)
  }

  @Test func `two processes download a model once`() throws {
    let server = try server { request, _ in
      if request.path.hasPrefix("/storage") { usleep(1_000_000) }
      return nil
    }
    let processes = try (0..<2).map { _ in
      try start(server, "weights", "pull", "hf:me/tiny")
    }
    let results = try processes.map { try $0.finish() }
    #expect(results.map(\.exitCode) == [0, 0], "\(results.map(\.error))")
    #expect(Set(results.map(\.output)).count == 1)
    #expect(server.requests.count { $0.path.hasPrefix("/storage") } == 1)

    let list = try start(server, "weights", "list").finish()
    #expect(list.output.contains("hf:me/tiny"))
    #expect(list.output.contains("config.json, model.safetensors, preprocessor_config.json"))
    let look = try start(server, "weights", "inspect", "hf:me/tiny", "--offline").finish()
    #expect(look.output.contains("safetensors, 40 tensors"), "\(look.output)")
    #expect(look.output.contains("fits vit: Hugging Face's names"), "\(look.output)")
  }

  @Test func `an HTTP error is one sentence with its place`() throws {
    let server = try server { _, _ in .init(401) }
    let run = try start(server, "run", "tiny.json").finish()
    #expect(run.exitCode == 2)
    #expect(
      run.error
        == "error: tiny.json: model: me/tiny: the Hub refuses it (401): it is private, has terms to "
        + "accept at \(server.address)/me/tiny, or does not exist; check the name, or set HF_TOKEN "
        + "to a token that may read it\n")
    let offline = try start(server, "run", "tiny.json", "--offline").finish()
    #expect(offline.exitCode == 2)
    #expect(offline.error.contains("and --offline forbids the network; fetch it with"))
    #expect(!folder.exists("Results"))
  }

  @Test func `a folder with a configuration is a model, whose preprocessing can be changed`() throws
  {
    let place = folder.url.appendingPathComponent("model")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    try Data(Self.config.utf8).write(to: place.appendingPathComponent("config.json"))
    try Self.weights().write(to: place.appendingPathComponent("model.safetensors"))
    try folder.write(
      """
      {"model": {"name": "./model", "preprocessing": {"crop_fraction": 0.8, "squash": false,
        "interpolation": "bicubic", "mean": [0.1, 0.2, 0.3], "std": [1, 1, 1]}},
       "dataset": {"folder": "photos"}, "latency": false, "methods": [{"method": "none"}]}
      """, to: "folder.json")
    let plan = try LabProcess.run("run", "folder.json", "--dry-run", in: folder.url)
    #expect(plan.exitCode == 0, "\(plan.error)")
    #expect(plan.output.contains("no preprocessor_config.json, so vit's own defaults"))
    #expect(
      plan.output.contains(
        "resize 40 (shorter side) bicubic antialiased, center crop 32, mean 0.1/0.2/0.3, std "
          + "1.0/1.0/1.0"), "\(plan.output)")
    try folder.write(
      """
      {"model": {"name": "./model", "preprocessing": {"resize": 20, "mean": [1]}},
       "dataset": {"folder": "photos"}, "methods": [{"method": "none"}]}
      """, to: "wrong.json")
    let wrong = try LabProcess.run("run", "wrong.json", in: folder.url)
    #expect(wrong.exitCode == 2)
    #expect(
      wrong.error.contains(
        "model.preprocessing.resize: 20 is below 32, the side of vit's images; it must be from 32"),
      "\(wrong.error)")
  }

  @Test
  func `folders in another order than the model's classes are refused with the correct order`()
    throws
  {
    let place = folder.url.appendingPathComponent("model")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    let other = Self.config.replacing(#""0": "a", "1": "b""#, with: #""0": "b", "1": "a""#)
    try Data(other.utf8).write(to: place.appendingPathComponent("config.json"))
    try Self.weights().write(to: place.appendingPathComponent("model.safetensors"))
    func run(_ classes: String) throws -> LabProcess.Result {
      try folder.write(
        """
        {"model": "./model", "dataset": {"folder": "photos"\(classes)}, "latency": false,
         "methods": [{"method": "none"}]}
        """, to: "other.json")
      return try LabProcess.run("run", "other.json", "--dry-run", in: folder.url)
    }
    let wrong = try run("")
    #expect(wrong.exitCode == 2)
    #expect(
      wrong.error
        == "error: other.json: dataset: class 0 of photos is \"a\", and that of vit is \"b\" by its "
        + "config.json; give the folders in that order: \"classes\": [\"b\", \"a\", \"c\", \"d\", "
        + "\"e\"]\n")
    let right = try run(#", "classes": ["b", "a", "c", "d", "e"]"#)
    #expect(right.exitCode == 0, "\(right.error)")
    let names = try LabProcess.run(
      "predict", "photos/a/1.png", "--model", "./model", in: folder.url)
    #expect(["a", "b", "c", "d", "e"].allSatisfy { names.output.contains("  \($0)  ") })
  }

  @Test func `a file without weights is reported in one sentence`() throws {
    let missing = try LabProcess.run("weights", "inspect", "nothing.pth", in: folder.url)
    #expect(missing.exitCode == 2)
    #expect(missing.error.hasSuffix("nothing.pth: cannot be read (no such file or directory)\n"))
    #expect(!missing.error.contains("Usage"))
    let picture = try LabProcess.run("weights", "inspect", "photos/a/1.png", in: folder.url)
    #expect(picture.exitCode == 2)
    #expect(
      picture.error.hasSuffix(
        "1.png: is not a weights file that lab reads: safetensors, PyTorch's .pth and .bin, NumPy's "
          + ".npz, or an index of safetensors\n"), "\(picture.error)")
  }
}
