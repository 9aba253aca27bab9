import Foundation
import Tensors
import Testing
import _TestSupport

@Suite struct CommandTests {
  @Test(arguments: [
    [], ["run"], ["report"], ["profile"], ["predict"], ["models"], ["methods"], ["devices"],
    ["dataset"], ["schema"], ["compare"], ["export"], ["visualize"],
  ])
  func `the help of every command has an example`(_ command: [String]) throws {
    let folder = try Workplace()
    let result = try LabProcess(command + ["--help"], in: folder.url).finish()
    #expect(result.exitCode == 0)
    #expect(result.error == "")
    #expect(result.output.contains("Example"))
    #expect(
      result.output.contains("lab \(command.first ?? "run") ") || command == ["models"]
        || command == ["devices"])
  }

  @Test func `a wrong command line exits with 2`() throws {
    let folder = try Workplace()
    for arguments in [
      ["run"], ["run", "a.json", "--nonsense"], ["nonsense"], ["predict"],
      ["run", "a.json", "--results", ""],
    ] {
      let result = try LabProcess(arguments, in: folder.url).finish()
      #expect(result.exitCode == 2)
      #expect(result.output == "")
      #expect(result.error.hasPrefix("error: "))
      #expect(result.error.contains("Usage: lab"))
    }
  }

  @Test func `a bad spec is reported on standard error and exits with 2`() throws {
    let folder = try Workplace()
    try folder.write(#"{"model": "demo_vit", "methods": [{"method": "topq"}]}"#, to: "a.json")
    let result = try LabProcess.run("run", "a.json", in: folder.url)
    #expect(result.exitCode == 2)
    #expect(result.output == "")
    #expect(
      result.error
        == "error: a.json: methods[0].method: \"topq\" is not a method; did you mean 'topk'?\n")
    #expect(!folder.exists("Results"))
  }

  @Test(arguments: [
    (
      ["run", "none.json"], "error: none.json: cannot be read: no such file or directory\n"
    ),
    (
      ["report", "nowhere"],
      "error: nowhere: is no results folder, and Results holds none; `lab run` makes them\n"
    ),
    (
      ["methods", "tomme"], "error: tomme: is not a method; did you mean 'tome'?\n"
    ),
    (
      ["predict", "none.png", "--method", #"{"method": "tail_effect"}"#],
      "error: --method: methods[0]: r is not given, so alpha chooses it from measured latency and "
        + "accuracy, and \"accuracy\" is false; give r itself\n"
    ),
    (
      ["predict", "none.png", "--method", "topk"],
      "error: --method: topk needs more than its name; write it as JSON, such as "
        + "'{\"method\": \"topk\", \"r\": 8}'\n"
    ),
    (
      ["dataset", "demo", "--split", "val", "--count", "1", "--out", "/dev/null/x"],
      "error: /dev/null/x: not a directory\n"
    ),
    (
      ["visualize", "none.png", "--method", "evitt"],
      "error: --method: \"evitt\" is not a method; did you mean 'evit'?\n"
    ),
    (
      ["predict", "none.png", "--model", "a\u{1B}[31m"],
      "error: --model: \"a\\u{1b}[31m\" is not a model; `lab models` lists them\n"
    ),
  ])
  func `bad input is one sentence and exit code 2`(
    _ arguments: [String], _ sentence: String
  ) throws {
    let folder = try Workplace()
    let result = try LabProcess(arguments, in: folder.url).finish()
    #expect(result.exitCode == 2)
    #expect(result.error == sentence)
  }

  @Test func `a missing GPU is one sentence and exit code 2`() throws {
    let folder = try Workplace()
    let result = try LabProcess(
      [
        "predict", "none.png", "--model", "deit_tiny_patch16_224", "--weights", "random",
        "--device", "cuda:4096",
      ], in: folder.url
    ).finish()
    #expect(result.exitCode == 2)
    #expect(result.error.hasPrefix("error: --device: \"cuda:4096\": "))
    #expect(result.error.hasSuffix("; `lab devices` lists what is here\n"))
    #expect(result.error.split(separator: "\n").count == 1)
  }

  @Test func `models, methods and devices are listed`() throws {
    let folder = try Workplace()
    #expect(try LabProcess.run("models", in: folder.url).output.contains("deit_small_patch16_224"))
    #expect(try LabProcess.run("methods", in: folder.url).output.contains("tail_effect"))
    #expect(
      try LabProcess.run("methods", "evit", in: folder.url).output.contains("keep_rate"))
    #expect(try LabProcess.run("devices", in: folder.url).output.hasPrefix("cpu "))
  }

  @Test func `predict writes the logits of the published implementation`() throws {
    let folder = try Workplace()
    let golden = try SafetensorsFile(
      url: Fixtures.url("goldens/cases/vit_micro__none__b4.safetensors"))
    let images = Fixtures.url("goldens/images.safetensors").path
    let result = try LabProcess.run(
      "predict", "--model", Workplace.model, "--images", images, "--logits", "out.safetensors",
      in: folder.url)
    #expect(result.exitCode == 0, "\(result.error)")
    let written = try SafetensorsFile(url: folder.url.appendingPathComponent("out.safetensors"))
    #expect(written.entries["logits"]?.shape == [4, 10])
    let difference = largestDifference(
      try written.floats("logits"), try golden.floats("logits"))
    #expect(difference < 1e-4)
  }

  @Test func `predict lists the five best classes of an image`() throws {
    let folder = try Workplace()
    let picture = Fixtures.url("pictures/rgb_300x300.png").path
    let result = try LabProcess.run(
      "predict", picture, "--model", Workplace.model, "--method",
      #"{"method": "tail_effect", "r": 18}"#, in: folder.url)
    #expect(result.exitCode == 0, "\(result.error)")
    #expect(result.output.split(separator: "\n").count == 2 + 5)
    let missing = try LabProcess.run(
      "predict", "none.png", "--model", Workplace.model, in: folder.url)
    #expect(missing.exitCode == 2)
    #expect(missing.error.hasPrefix("error: none.png"))
  }

  @Test func `profile measures the staircase and records it`() throws {
    let folder = try Workplace()
    let result = try LabProcess.run(
      "profile", "--model", Workplace.model, "--stride", "9", "--min-seconds", "0",
      "--min-samples", "3", "--threads", "1", in: folder.url)
    #expect(result.exitCode == 0, "\(result.error)")
    #expect(folder.exists("Results/profile-custom/figures/staircase.svg"))
    #expect(try folder.recordLines("Results/profile-custom").count == 4)
  }

  @Test func `results are compared and exported`() throws {
    let folder = try Workplace()
    for (name, r) in [("first", 6), ("second", 12)] {
      try folder.write(
        """
        {"name": "\(name)", "model": \(Workplace.model), "latency": false, "accuracy": {"images": 20},
         "threads": 1, "methods": [{"method": "none"}, {"method": "topk", "r": 2},
         {"method": "random", "r": \(r)}]}
        """, to: "\(name).json")
      #expect(try LabProcess.run("run", "\(name).json", in: folder.url).exitCode == 0)
    }
    let compared = try LabProcess.run("compare", "first", "Results/second", in: folder.url)
    #expect(compared.exitCode == 0, "\(compared.error)")
    #expect(compared.output.contains("topk"))
    for format in ["csv", "latex", "json"] {
      let exported = try LabProcess.run("export", format, "first", in: folder.url)
      #expect(exported.exitCode == 0)
      #expect(exported.output.contains("topk"))
    }
    let notebook = try LabProcess.run("export", "notebook", "first", in: folder.url)
    #expect(notebook.output == "notebooks-export/first.ipynb\n")
    let text = try String(
      contentsOf: folder.url.appendingPathComponent("notebooks-export/first.ipynb"),
      encoding: .utf8)
    #expect(text.contains("../Results/first"))
  }
}
